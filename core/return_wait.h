#pragma once

#include <random>

#include "core/clock.h"

namespace vedette {

// ReturnWait says how long the first of several places must have been there again before one goes back to it: `after`
// to 1.5 times that, drawn, so that a fleet does not go back in one moment; and after each return in vain twice as
// long, up to 16 times: what answers need not be of use.
class ReturnWait {
 public:
  explicit ReturnWait(microseconds after) : after_(after) {}

  microseconds draw(int returns_in_vain);
  // Between two looks at it.
  microseconds look_interval() const;

 private:
  const microseconds after_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace vedette
