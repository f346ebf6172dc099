#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace vedette {

// TimeZone says what a clock on the wall shows: the rules of one zone of the IANA time zone database, as the machine
// has it (TZif files, RFC 8536). g++ 12 has no std::chrono zones. Immutable; any thread.
class TimeZone {
 public:
  // UTC.
  TimeZone() = default;

  // "Europe/Berlin". not_found when the machine has no such zone; invalid_argument for what cannot be a name, or a file
  // that is damaged.
  static Result<TimeZone> load(const std::string& name, const std::filesystem::path& folder = "/usr/share/zoneinfo");
  // The zone of this machine (/etc/localtime); UTC where there is none.
  static TimeZone of_machine(const std::filesystem::path& file = "/etc/localtime");
  // The bytes of a TZif file, strictly.
  static Result<TimeZone> parse(std::string_view bytes);

  // By how much the clock on the wall is ahead of UTC at that instant.
  seconds offset_at(UtcTime t) const;
  // The first instant after t at which the offset changes; nothing when it never does again.
  std::optional<UtcTime> next_change(UtcTime t) const;

 private:
  using Instant = std::chrono::sys_seconds;

  // When in a year daylight saving begins or ends (POSIX, with the extensions of RFC 8536 3.3.1).
  struct YearlyRule {
    enum class Kind { julian, day, month_week_day };
    Kind kind = Kind::day;
    int day =
        0;  // of the year: julian from 1 without the 29th of February, day from 0 with it; of the week from Sunday
    int month = 0;
    int week = 0;        // 5: the last
    seconds time{7200};  // after midnight; may be negative or past the day

    Instant in(std::chrono::year year) const;  // local time, counted as if it were UTC
  };
  // What holds after the last change that is listed.
  struct Tail {
    seconds standard{0};
    std::optional<seconds> daylight;
    YearlyRule to_daylight;
    YearlyRule to_standard;
  };
  struct Change {
    Instant at;
    seconds offset;  // from then on
  };

  static bool parse_tail(std::string_view text, Tail& tail);
  static bool parse_rule(std::string_view& text, YearlyRule& rule);
  std::vector<Change> changes_of(std::chrono::year year) const;
  std::vector<Change> changes_around(Instant t) const;

  seconds first_offset_{0};  // before the first change
  std::vector<Change> changes_;
  std::optional<Tail> tail_;
};

}  // namespace vedette
