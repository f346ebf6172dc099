#include "core/return_wait.h"

#include <algorithm>

namespace vedette {

namespace {

constexpr int kMostDoublings = 4;
// A tenth of the wait, within these.
constexpr microseconds kLeastInterval = 200ms, kMostInterval = 30s;

}  // namespace

microseconds ReturnWait::draw(int returns_in_vain) {
  const int64_t base = after_.count() * (int64_t{1} << std::min(returns_in_vain, kMostDoublings));
  return microseconds(std::uniform_int_distribution<int64_t>(base, base + base / 2)(random_));
}

microseconds ReturnWait::look_interval() const {
  return std::clamp(after_ / 10, kLeastInterval, kMostInterval);
}

}  // namespace vedette
