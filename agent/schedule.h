#pragma once

#include <bitset>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/time_zone.h"
#include "storage/coverage.h"

namespace vedette {

// So much of a week, by the clock on the wall.
struct WeeklyWindow {
  std::bitset<7> days;  // on which it begins, from Sunday on
  std::chrono::minutes from{0};
  std::chrono::minutes to{0};  // not after `from`: it ends on the next day
};

// Beginnings by the clock on the wall, as cron(8) writes them, and how long each lasts.
struct CronWindow {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;    // of the month
  std::bitset<13> months;  // from 1
  std::bitset<7> weekdays;
  bool either_day = false;  // both days and weekdays are restricted: one of them is enough
  seconds duration{0};

  bool begins_on(std::chrono::local_days day) const;
};

// Schedule is when a camera is to be recorded, or uploads may go. Immutable.
//
// A weekly window holds whenever a clock on the wall shows a time in it. So when clocks are set forward, what they
// leave out is not recorded; when they are set back, what they show twice is recorded twice. A beginning that they
// leave out is at the moment at which they are set.
class Schedule {
 public:
  struct Entry {
    std::variant<WeeklyWindow, CronWindow> window;
    TimeZone zone;
  };

  Schedule() = default;
  explicit Schedule(std::vector<Entry> entries) : entries_(std::move(entries)) {}

  bool empty() const { return entries_.empty(); }
  // What of [from, to) is to be recorded, in order; windows that overlap or touch are one. Not cut at `from` and `to`:
  // those that overlap it are whole, up to a day before and behind it.
  std::vector<Span> spans(UtcTime from, UtcTime to) const;

 private:
  std::vector<Entry> entries_;
};

}  // namespace vedette
