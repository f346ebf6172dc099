#pragma once

#include <cstdint>

#include "core/clock.h"

namespace vedette {

// Lanes finds out how many requests at once serve best. It begins with two, so that one is sent while the store works
// on the other. While much comes through, as on a local network, there is one more every tenth of a second: a trial
// would outlast most uploads. Else one more is tried for a while, and kept when a tenth more comes through with it; if
// not, it is one less again for a minute. A store that asks for less gets half, down to one. Not thread-safe.
class Lanes {
 public:
  static constexpr int kMost = 4;
  // In bytes a second: a part of 8 MiB takes less than a second, which makes nobody wait long behind it.
  static constexpr int64_t kMuch = 10'000'000;

  int allowed() const { return allowed_; }
  // Once in a while: what was sent since the start, and how many lanes are in use.
  void measure(int64_t sent_bytes, int in_use, MonoTime now);
  void congested(MonoTime now);

 private:
  void judge(int64_t bytes_per_s, MonoTime now);
  void begin_window(int64_t sent_bytes, MonoTime now);

  int allowed_ = 2;
  bool trying_ = false;       // the last lane is on trial
  int64_t rate_without_ = 0;  // it
  MonoTime no_more_before_{};
  bool measuring_ = false;
  MonoTime window_begin_{};
  int64_t window_sent_bytes_ = 0;
};

}  // namespace vedette
