#pragma once

#include <optional>

#include "core/clock.h"

namespace vedette {

// CameraTime judges what a camera says its own clock shows. Nothing of our time depends on it: it is kept beside.
//
// No clock that was set shows a time before 2020 (kClockWasSet), or one after this century. Against our monotonic clock
// it runs evenly, or else it stepped: either it was set, and then it stays so, or what it is told by is wrong for a
// while (timestamps that begin anew, and libavformat's where they wrap at 32 bits: until the next sender report it is
// 13 hours off). So a step is believed when it has lasted for kSettled, in which there are several reports. Used by one
// thread.
class CameraTime {
 public:
  static constexpr microseconds kStep = 1s;
  // Reports come every 5 s or so (RFC 3550, section 6.2), from some cameras every 30 s.
  static constexpr microseconds kSettled = 60s;

  // What it said of the frame captured then; nothing when that is not to be believed.
  std::optional<UtcTime> believed(std::optional<UtcTime> said, MonoTime captured);

 private:
  // The camera's clock minus our monotonic one.
  std::optional<microseconds> offset_;
  std::optional<microseconds> other_;  // since a step
  MonoTime since_;
};

}  // namespace vedette
