#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/clock.h"

namespace vedette {

// Heartbeat is how a loop shows that it moves: it beats whenever it comes round, and rests while it waits for something
// that may take any time. Who watches asks for how long it has been in one piece of work. One thread beats; any may
// ask.
class Heartbeat {
 public:
  void beat(MonoTime now) { since_us_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
  void rest() { since_us_.store(kResting, std::memory_order_relaxed); }

  // 0 while it rests.
  microseconds busy_for(MonoTime now) const {
    const int64_t since_us = since_us_.load(std::memory_order_relaxed);
    if (since_us == kResting) return microseconds(0);
    return std::max(microseconds(0), now.time_since_epoch() - microseconds(since_us));
  }

 private:
  static constexpr int64_t kResting = INT64_MIN;
  std::atomic<int64_t> since_us_{kResting};
};

}  // namespace vedette
