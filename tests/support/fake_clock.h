#pragma once

#include <atomic>

#include "core/clock.h"

namespace vedette::test {

// A clock that stands still until it is told otherwise. Thread-safe.
class FakeClock : public Clock {
 public:
  explicit FakeClock(UtcTime utc = UtcTime(1'800'000'000s), MonoTime mono = MonoTime(1000s))
      : utc_us_(utc.time_since_epoch().count()), mono_us_(mono.time_since_epoch().count()) {}

  MonoTime mono() const override { return MonoTime(microseconds(mono_us_)); }
  UtcTime utc() const override { return UtcTime(microseconds(utc_us_)); }

  bool synchronised() const override { return synchronised_; }

  void advance(microseconds by) {
    mono_us_ += by.count();
    utc_us_ += by.count();
  }
  // The wall clock alone, as NTP does it.
  void step_utc(microseconds by) { utc_us_ += by.count(); }
  void set_synchronised(bool yes) { synchronised_ = yes; }

 private:
  std::atomic<int64_t> utc_us_;
  std::atomic<int64_t> mono_us_;
  std::atomic<bool> synchronised_{true};
};

}  // namespace vedette::test
