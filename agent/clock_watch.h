#pragma once

#include <optional>

#include "core/clock.h"

namespace vedette {

// What happened to the wall clock.
struct ClockChange {
  microseconds step{0};  // it was set forward (or back, negative) by so much; 0: it was not set
  bool synced = false;   // it is synchronised now
};

// ClockWatch notices when the wall clock is set, by NTP some time after the boot say, or becomes trustworthy. Belongs
// to the main loop.
class ClockWatch {
 public:
  explicit ClockWatch(const Clock& clock);

  // To be called every second. Nothing: all is as it was.
  std::optional<ClockChange> look();

 private:
  const Clock& clock_;
  microseconds offset_;
  bool synced_;
};

}  // namespace vedette
