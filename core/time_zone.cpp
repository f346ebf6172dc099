#include "core/time_zone.h"

#include <algorithm>

#include "core/file.h"

namespace vedette {

namespace {

constexpr size_t kMostFileBytes = 256 * 1024;  // the largest of 2026 has 4 KiB
constexpr size_t kMostNameBytes = 64;
constexpr size_t kHeaderBytes = 44;
constexpr seconds kMostOffset{26 * 3600};  // RFC 8536 3.2: utoff
constexpr int kMostRuleHours = 167;        // of a rule's time, RFC 8536 3.3.1
constexpr int kMostYear = 9999;

int64_t big_endian(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = static_cast<unsigned char>(bytes[at]) & 0x80 ? UINT64_MAX : 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return static_cast<int64_t>(value);
}

// The header of RFC 8536 3.1: how many there are of each.
struct Counts {
  size_t is_ut, is_std, leaps, changes, types, chars;

  size_t data_bytes(size_t time_bytes) const {
    return changes * (time_bytes + 1) + types * 6 + chars + leaps * (time_bytes + 4) + is_std + is_ut;
  }
};

std::optional<Counts> read_counts(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, 4) != "TZif") return std::nullopt;
  const auto count = [&](size_t i) { return static_cast<size_t>(big_endian(bytes, 20 + 4 * i, 4) & 0xffffffff); };
  const Counts counts{count(0), count(1), count(2), count(3), count(4), count(5)};
  for (size_t i = 0; i < 6; ++i)
    if (count(i) > kMostFileBytes) return std::nullopt;
  return counts.types == 0 ? std::nullopt : std::optional(counts);
}

std::optional<int> take_number(std::string_view& text, int most) {
  int value = 0;
  size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && digits < 4; ++digits)
    value = value * 10 + (text[digits] - '0');
  if (digits == 0 || value > most) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// [+-]hh[:mm[:ss]]
std::optional<seconds> take_time(std::string_view& text, int most_hours) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  const auto hours = take_number(text, most_hours);
  if (!hours) return std::nullopt;
  seconds time(*hours * 3600);
  for (const int unit : {60, 1}) {
    if (!take(text, ':')) break;
    const auto part = take_number(text, 59);
    if (!part) return std::nullopt;
    time += seconds(*part * unit);
  }
  return negative ? -time : time;
}

// CET or <+0330>
bool take_abbreviation(std::string_view& text) {
  const bool quoted = take(text, '<');
  size_t length = 0;
  while (length < text.size() && (std::isalpha(static_cast<unsigned char>(text[length])) ||
                                  (quoted && (std::isdigit(static_cast<unsigned char>(text[length])) ||
                                              text[length] == '+' || text[length] == '-'))))
    ++length;
  text.remove_prefix(length);
  return length >= 3 && (!quoted || take(text, '>'));
}

std::chrono::year year_of(std::chrono::sys_seconds t) {
  return std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(t)).year();
}

tl::unexpected<Error> damaged() {
  return fail(Code::invalid_argument, "no time zone file (RFC 8536), or damaged");
}

}  // namespace

TimeZone::Instant TimeZone::YearlyRule::in(std::chrono::year year) const {
  using namespace std::chrono;
  if (kind == Kind::month_week_day) {
    const weekday day_of_week(static_cast<unsigned>(day));
    const auto of_month = year / std::chrono::month(static_cast<unsigned>(month));
    const sys_days date = week == 5 ? sys_days(of_month / day_of_week[last])
                                    : sys_days(of_month / day_of_week[static_cast<unsigned>(week)]);
    return date + time;
  }
  const int skipped = kind == Kind::julian && year.is_leap() && day >= 60 ? 1 : 0;
  return sys_days(year / January / 1) + days(kind == Kind::julian ? day - 1 + skipped : day) + time;
}

// Jn, n, or Mm.w.d, each with /time.
bool TimeZone::parse_rule(std::string_view& text, YearlyRule& rule) {
  if (!take(text, ',')) return false;
  std::optional<int> day;
  if (take(text, 'M')) {
    rule.kind = YearlyRule::Kind::month_week_day;
    const auto month = take_number(text, 12);
    const auto week = month && take(text, '.') ? take_number(text, 5) : std::nullopt;
    day = week && take(text, '.') ? take_number(text, 6) : std::nullopt;
    if (!day || *month < 1 || *week < 1) return false;
    rule.month = *month;
    rule.week = *week;
  } else {
    rule.kind = take(text, 'J') ? YearlyRule::Kind::julian : YearlyRule::Kind::day;
    day = take_number(text, 365);
    if (!day || (rule.kind == YearlyRule::Kind::julian && *day < 1)) return false;
  }
  rule.day = *day;
  if (!take(text, '/')) return true;
  const auto time = take_time(text, kMostRuleHours);
  if (time) rule.time = *time;
  return time.has_value();
}

// std offset [dst [offset] ,rule,rule], where offsets count west of Greenwich.
bool TimeZone::parse_tail(std::string_view text, Tail& tail) {
  if (!take_abbreviation(text)) return false;
  const auto standard = take_time(text, 24);
  if (!standard) return false;
  tail.standard = -*standard;
  if (text.empty()) return true;
  if (!take_abbreviation(text)) return false;
  tail.daylight = tail.standard + std::chrono::hours(1);
  if (!text.empty() && text.front() != ',') {
    const auto daylight = take_time(text, 24);
    if (!daylight) return false;
    tail.daylight = -*daylight;
  }
  return parse_rule(text, tail.to_daylight) && parse_rule(text, tail.to_standard) && text.empty();
}

Result<TimeZone> TimeZone::parse(std::string_view bytes) {
  const auto old = read_counts(bytes);
  // Version 1 has no 64-bit times; no database has been made in it since 2005.
  if (!old || bytes[4] < '2' || kHeaderBytes + old->data_bytes(4) > bytes.size()) return damaged();
  bytes.remove_prefix(kHeaderBytes + old->data_bytes(4));
  const auto counts = read_counts(bytes);
  if (!counts || kHeaderBytes + counts->data_bytes(8) > bytes.size()) return damaged();
  const std::string_view times = bytes.substr(kHeaderBytes);
  const std::string_view types = times.substr(counts->changes * 8);
  const std::string_view infos = types.substr(counts->changes);
  const auto offset_of = [&](size_t type) { return seconds(big_endian(infos, type * 6, 4)); };

  TimeZone zone;
  for (size_t type = 0; type < counts->types; ++type)
    if (std::chrono::abs(offset_of(type)) > kMostOffset) return damaged();
  zone.first_offset_ = offset_of(0);
  for (size_t i = 0; i < counts->changes; ++i) {
    const auto type = static_cast<size_t>(static_cast<unsigned char>(types[i]));
    const Instant at{seconds(big_endian(times, i * 8, 8))};
    if (type >= counts->types || (i > 0 && at <= zone.changes_.back().at)) return damaged();
    zone.changes_.push_back({at, offset_of(type)});
  }
  std::string_view footer = bytes.substr(kHeaderBytes + counts->data_bytes(8));
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return damaged();
  footer = footer.substr(1, footer.size() - 2);
  if (footer.empty()) return zone;  // nothing is known of later times: the last offset stays
  Tail tail;
  if (!parse_tail(footer, tail)) return damaged();
  zone.tail_ = tail;
  return zone;
}

Result<TimeZone> TimeZone::load(const std::string& name, const std::filesystem::path& folder) {
  const bool plain =
      !name.empty() && name.size() <= kMostNameBytes && name.front() != '/' && name.find("..") == std::string::npos &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_' || c == '-' || c == '+';
      });
  if (!plain) return fail(Code::invalid_argument, "is no name of a time zone, such as Europe/Berlin");
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(folder / name, ignored))
    return fail(Code::not_found, "this machine has no time zone " + name + " (package tzdata)");
  const auto bytes = file::read(folder / name, kMostFileBytes);
  if (!bytes) return bytes.error_as_is();
  return parse(*bytes).with(name);
}

TimeZone TimeZone::of_machine(const std::filesystem::path& file) {
  const auto bytes = file::read(file, kMostFileBytes);
  auto zone = bytes ? parse(*bytes) : Result<TimeZone>(bytes.error_as_is());
  return zone ? std::move(*zone) : TimeZone();
}

// By the rules of the tail. Each is in local time as it was just before.
std::vector<TimeZone::Change> TimeZone::changes_of(std::chrono::year year) const {
  if (!tail_ || !tail_->daylight) return {};
  std::vector<Change> changes = {{tail_->to_daylight.in(year)-tail_->standard, *tail_->daylight},
                                 {tail_->to_standard.in(year) - *tail_->daylight, tail_->standard}};
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.at < b.at; });
  return changes;
}

// Enough of them to know what held at t and what comes next: those that are listed, and some by the rules.
std::vector<TimeZone::Change> TimeZone::changes_around(Instant t) const {
  std::vector<Change> changes = changes_;
  const Instant listed_to = changes.empty() ? Instant::min() : changes.back().at;
  const std::chrono::year year = year_of(std::max(t, listed_to));
  for (auto y = year - std::chrono::years(1); y <= year + std::chrono::years(1) && int(y) <= kMostYear; ++y)
    for (const Change& change : changes_of(y))
      if (change.at > listed_to) changes.push_back(change);
  return changes;
}

seconds TimeZone::offset_at(UtcTime t) const {
  const auto at = std::chrono::floor<seconds>(t);
  const auto changes = changes_around(at);
  const auto next = std::upper_bound(changes.begin(), changes.end(), at,
                                     [](Instant instant, const Change& change) { return instant < change.at; });
  if (next != changes.begin()) return std::prev(next)->offset;
  return changes_.empty() && tail_ ? tail_->standard : first_offset_;
}

std::optional<UtcTime> TimeZone::next_change(UtcTime t) const {
  const auto at = std::chrono::floor<seconds>(t);
  const seconds offset = offset_at(t);
  for (const Change& change : changes_around(at))
    if (change.at > at && change.offset != offset) return change.at;
  return std::nullopt;
}

}  // namespace vedette
