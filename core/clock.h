#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace vedette {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;

// Instants are counted in microseconds. MonoTime never steps and orders everything inside the process (media
// timestamps included); UtcTime is what people and other machines see.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, microseconds>;
using UtcTime = std::chrono::time_point<std::chrono::system_clock, microseconds>;

// A deadline that does not come: 200 years of uptime, which still converts to nanoseconds (MonoTime::max() does not).
inline constexpr MonoTime kNever{std::chrono::hours(24 * 365 * 200)};

// A change of the offset between the two clocks by more than this means that the wall clock was set. Below it lies what
// a reading may be off by, on a machine under load; and dates need not be better.
inline constexpr microseconds kClockStep = 500ms;

// 2020-01-01, older than this program: a clock that shows less was not set.
inline constexpr UtcTime kClockWasSet{1'577'836'800s};

// Clock is where time is read. Production code is handed Clock::system(); tests hand in a fake one.
// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime mono() const = 0;
  virtual UtcTime utc() const = 0;
  // Whether the wall clock is known to be right: the kernel says that it is kept by NTP or the like (adjtimex).
  virtual bool synchronised() const = 0;

  // Conversions by the offset between the two clocks as it is now.
  UtcTime to_utc(MonoTime t) const;
  MonoTime to_mono(UtcTime t) const;
  // What the wall clock is ahead of the monotonic one. It changes only when the wall clock is set: slewing, as NTP does
  // it, moves both.
  virtual microseconds offset() const;

  static const Clock& system();
};

// RFC 3339 in UTC with milliseconds, "2026-11-20T08:31:29.123Z".
std::string to_rfc3339(UtcTime t);
// Takes any RFC 3339 date-time (a zone offset included, 0 to 9 decimals); nothing for anything else.
std::optional<UtcTime> from_rfc3339(std::string_view text);

// Rounded down to whole milliseconds, as the API counts.
inline int64_t to_ms(microseconds d) {
  return std::chrono::floor<milliseconds>(d).count();
}

// The boot of the machine that this process runs in (/proc/sys/kernel/random/boot_id), "unknown" where there is none.
const std::string& boot_id();

}  // namespace vedette
