#pragma once

// Inside media/ only: clocks of different rates.
#include <cstdint>

#include "core/clock.h"

namespace vedette::mp4 {

// value * to / from, rounded to nearest, halves away from zero; in 128 bits, which no time can overflow.
inline int64_t rescale(int64_t value, int64_t to, int64_t from) {
  __extension__ using Wide = __int128;
  const Wide product = static_cast<Wide>(value) * to;
  const Wide half = from / 2;
  return static_cast<int64_t>((product >= 0 ? product + half : product - half) / from);
}

inline int64_t to_ticks(microseconds time, uint32_t timescale) {
  return rescale(time.count(), timescale, microseconds::period::den);
}

}  // namespace vedette::mp4
