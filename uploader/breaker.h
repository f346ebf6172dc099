#pragma once

#include <random>

#include "core/backoff.h"
#include "core/clock.h"

namespace vedette {

enum class BreakerState {
  closed,     // all may go
  open,       // nobody may
  half_open,  // one is under way, to see whether the target is back
};

// Breaker spares a target that is away: after each failure nobody may begin for a jittered pause, 1 s and doubling;
// after kFailures in a row it is open, and one probe goes about once a minute. Any success closes it. Not thread-safe.
class Breaker {
 public:
  static constexpr int kFailures = 5;
  static constexpr seconds kProbePause{60};  // and up to a tenth more, so that devices do not ask in step

  // Whether another may begin, while so many are under way.
  bool allows(int under_way, MonoTime now) const;
  void succeeded();
  void failed(MonoTime now);

  BreakerState state(int under_way) const;
  int failures() const { return backoff_.failures(); }
  // Until when nobody may begin; in the past when there is no pause.
  MonoTime paused_until() const { return paused_until_; }

 private:
  Backoff backoff_{1s, 60s};
  MonoTime paused_until_{};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace vedette
