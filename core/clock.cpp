#include "core/clock.h"

#include <sys/timex.h>

#include <algorithm>
#include <atomic>
#include <fstream>

namespace vedette {

namespace {

// A reading of both clocks that took longer was interrupted.
constexpr microseconds kAtOnce = 20us;
// What readings of the same offset differ by.
constexpr microseconds kSameOffset = 200us;

class SystemClock : public Clock {
 public:
  MonoTime mono() const override { return std::chrono::floor<microseconds>(std::chrono::steady_clock::now()); }
  UtcTime utc() const override { return std::chrono::floor<microseconds>(std::chrono::system_clock::now()); }
  bool synchronised() const override {
    timex state{};
    return adjtimex(&state) != TIME_ERROR;
  }
  // The same to the microsecond until the wall clock is set, so that what is converted there and back stays what it
  // was.
  microseconds offset() const override {
    constexpr int kTries = 10;
    microseconds read{0};
    for (int i = 0; i < kTries; ++i) {
      const MonoTime before = mono();
      read = utc().time_since_epoch() - before.time_since_epoch();
      if (mono() - before <= kAtOnce) break;
    }
    const microseconds known(offset_us_.load(std::memory_order_relaxed));
    if (std::chrono::abs(read - known) <= kSameOffset) return known;
    offset_us_.store(read.count(), std::memory_order_relaxed);
    return read;
  }

 private:
  mutable std::atomic<int64_t> offset_us_{0};
};

// Reads exactly `digits` digits from the front of `text`.
std::optional<int> take_number(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// Decimals of a second; cut, not rounded, below a microsecond.
std::optional<microseconds> take_fraction(std::string_view& text) {
  int64_t value = 0;
  size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits, text.remove_prefix(1))
    if (digits < 6) value = value * 10 + (text.front() - '0');
  if (digits == 0 || digits > 9) return std::nullopt;
  for (size_t i = digits; i < 6; ++i) value *= 10;
  return microseconds(value);
}

void put_number(std::string& text, size_t at, size_t digits, int64_t number) {
  for (size_t i = at + digits; i > at; number /= 10) text[--i] = static_cast<char>('0' + number % 10);
}

std::optional<std::chrono::minutes> take_zone(std::string_view& text) {
  if (take(text, "Zz")) return std::chrono::minutes(0);
  const bool east = !text.empty() && text.front() == '+';
  if (!take(text, "+-")) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const std::chrono::minutes offset(*hours * 60 + *minutes);
  return east ? offset : -offset;
}

}  // namespace

UtcTime Clock::to_utc(MonoTime t) const {
  return UtcTime(t.time_since_epoch() + offset());
}
MonoTime Clock::to_mono(UtcTime t) const {
  return MonoTime(t.time_since_epoch() - offset());
}
microseconds Clock::offset() const {
  return utc().time_since_epoch() - mono().time_since_epoch();
}

const Clock& Clock::system() {
  static const SystemClock clock;
  return clock;
}

std::string to_rfc3339(UtcTime t) {
  using namespace std::chrono;
  const auto day = floor<days>(t);
  const year_month_day date(day);
  const hh_mm_ss time(floor<milliseconds>(t - day));
  std::string text = "0000-00-00T00:00:00.000Z";  // by hand: every message and every line of the log has one
  put_number(text, 0, 4, std::clamp(int(date.year()), 0, 9999));
  put_number(text, 5, 2, unsigned(date.month()));
  put_number(text, 8, 2, unsigned(date.day()));
  put_number(text, 11, 2, time.hours().count());
  put_number(text, 14, 2, time.minutes().count());
  put_number(text, 17, 2, time.seconds().count());
  put_number(text, 20, 3, time.subseconds().count());
  return text;
}

std::optional<UtcTime> from_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto y = take_number(text, 4);
  if (!y || !take(text, "-")) return std::nullopt;
  const auto mo = take_number(text, 2);
  if (!mo || !take(text, "-")) return std::nullopt;
  const auto d = take_number(text, 2);
  if (!d || !take(text, "Tt ")) return std::nullopt;
  const auto h = take_number(text, 2);
  if (!h || *h > 23 || !take(text, ":")) return std::nullopt;
  const auto mi = take_number(text, 2);
  if (!mi || *mi > 59 || !take(text, ":")) return std::nullopt;
  const auto s = take_number(text, 2);
  if (!s || *s > 60) return std::nullopt;  // 60: a leap second
  microseconds fraction(0);
  if (take(text, ".")) {
    const auto decimals = take_fraction(text);
    if (!decimals) return std::nullopt;
    fraction = *decimals;
  }
  const auto zone = take_zone(text);
  const year_month_day date{year(*y), month(unsigned(*mo)), day(unsigned(*d))};
  if (!zone || !text.empty() || !date.ok()) return std::nullopt;
  return UtcTime(sys_days(date)) + hours(*h) + minutes(*mi) + std::chrono::seconds(*s) + fraction - *zone;
}

const std::string& boot_id() {
  static const std::string id = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string line;
    return std::getline(file, line) ? line : std::string("unknown");
  }();
  return id;
}

}  // namespace vedette
