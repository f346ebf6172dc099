#pragma once

#include <algorithm>

#include "core/clock.h"

namespace vedette {

// RateLimit lets through `burst` at once and one more per `interval`: in any stretch of time t at most
// burst + t / interval, and never fewer than that allows. It is the token bucket counted in whole microseconds (the
// generic cell rate algorithm, ITU-T I.371): one instant is all its state, so nothing is rounded. One thread.
class RateLimit {
 public:
  RateLimit(microseconds interval, int burst) : interval_(interval), ahead_(interval * (burst - 1)) {}

  // Whether one may pass at `now`, which never goes back; if so it is counted.
  bool take(MonoTime now) {
    if (!has(now)) return false;
    next_ = std::max(next_, now) + interval_;
    return true;
  }
  bool has(MonoTime now) const { return next_ <= now + ahead_; }
  // From when on one may.
  MonoTime from() const { return next_ - ahead_; }

 private:
  microseconds interval_;
  microseconds ahead_;  // how far before its even pace one may come
  MonoTime next_;       // when the next one would come at an even pace
};

}  // namespace vedette
