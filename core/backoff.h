#pragma once

#include <random>

#include "core/clock.h"

namespace vedette {

// Backoff gives the pause before the next try of something that fails again and again: doubling from `first` to
// `most`, each drawn from the upper half of its range so that ten thousand devices spread out ("equal jitter").
// It never gives up. Not thread-safe.
class Backoff {
 public:
  Backoff(milliseconds first, milliseconds most) : first_(first), most_(most), random_(std::random_device{}()) {}

  milliseconds next() {
    const milliseconds ceiling = failures_ >= 20 ? most_ : std::min(most_, first_ * (int64_t{1} << failures_));
    ++failures_;
    return milliseconds(std::uniform_int_distribution<int64_t>(ceiling.count() / 2, ceiling.count())(random_));
  }
  // After lasting success.
  void reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  milliseconds first_;
  milliseconds most_;
  int failures_ = 0;
  std::minstd_rand random_;
};

}  // namespace vedette
