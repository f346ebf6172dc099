#pragma once

// Inside storage/ only: what counts as a gap.
#include <algorithm>

#include "core/clock.h"

namespace vedette {

// A longer time without a video packet is a gap; cameras that send few frames are allowed some of their own steps.
inline constexpr microseconds kLeastGap = 2s;
inline constexpr int kStepsInGap = 4;

inline bool is_gap(microseconds distance, microseconds step) {
  return distance > std::max(kLeastGap, kStepsInGap * step);
}

}  // namespace vedette
