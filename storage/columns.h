#pragma once

// Inside storage/ only: how values lie in columns.
#include "core/clock.h"

namespace vedette {

inline int64_t to_us(UtcTime t) {
  return t.time_since_epoch().count();
}
inline UtcTime from_us(int64_t us) {
  return UtcTime(microseconds(us));
}

}  // namespace vedette
