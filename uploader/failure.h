#pragma once

#include "core/result.h"

namespace vedette {

// What the code of a failed upload says about the others.

// Whether another row would fail as this one did. Else the failure is the row's own, and the others go on.
inline bool is_about_the_target(Code code) {
  return code != Code::upload_failed && code != Code::conflict && code != Code::internal;
}

// Whether the target may want less at once.
inline bool is_congestion(Code code) {
  return code == Code::busy || code == Code::timed_out;
}

}  // namespace vedette
