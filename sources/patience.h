#pragma once

#include <algorithm>
#include <utility>

#include "core/clock.h"

namespace vedette {

// How long a source that is pushed to waits for its camera before it says that none has come: at first as long as any
// other takes to connect, so that it shows; later so long that there is hardly a moment in which nobody listens.
class Patience {
 public:
  static constexpr microseconds kLater = 300s;

  explicit Patience(microseconds at_first) : next_(at_first) {}
  microseconds next() { return std::exchange(next_, std::max(next_, kLater)); }

 private:
  microseconds next_;
};

}  // namespace vedette
