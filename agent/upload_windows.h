#pragma once

#include <optional>

#include "agent/schedule.h"
#include "core/clock.h"

namespace vedette {

// UploadWindows says when uploads may go, by a schedule. Immutable but for assignment. Costs what Schedule::spans()
// does for some days, and for a year where nothing comes sooner.
class UploadWindows {
 public:
  // An empty one allows all times.
  explicit UploadWindows(Schedule schedule) : schedule_(std::move(schedule)) {}

  bool any() const { return !schedule_.empty(); }
  struct State {
    bool open = true;
    std::optional<UtcTime> next_change;  // nothing: none within a year
  };
  State at(UtcTime now) const;

 private:
  Schedule schedule_;
};

}  // namespace vedette
