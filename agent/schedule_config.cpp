#include "agent/schedule_config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/text.h"

namespace vedette {

namespace {

constexpr size_t kMostEntries = 64;
constexpr int64_t kMostSeconds = 86'400;

using Names = std::span<const std::string_view>;
constexpr std::array<std::string_view, 7> kDays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::array<std::string_view, 13> kMonths = {"",    "jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};

std::optional<int> index_in(Names names, std::string_view text) {
  const auto it = text.empty() ? names.end() : std::find(names.begin(), names.end(), text);
  if (it == names.end()) return std::nullopt;
  return static_cast<int>(it - names.begin());
}

std::optional<int> number(std::string_view text) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// One of the five fields: what it may hold, and what it does.
struct Field {
  std::string_view name;
  int least;
  int most;
  Names names;
};

std::optional<int> value_of(const Field& field, std::string_view text) {
  auto value = number(text);
  if (!value) value = index_in(field.names, text);
  return value && *value >= field.least && *value <= field.most ? value : std::nullopt;
}

// "*", "5", "8-17", each with "/step".
template <class Set>
bool add_part(const Field& field, std::string_view part, Set set) {
  const size_t slash = part.find('/');
  int step = 1;
  if (slash != std::string_view::npos) {
    const auto given = number(part.substr(slash + 1));
    if (!given || *given < 1) return false;
    step = *given;
    part = part.substr(0, slash);
  }
  std::optional<int> first = field.least, last = field.most;
  if (part != "*") {
    const size_t dash = part.find('-');
    first = value_of(field, part.substr(0, dash));
    if (dash != std::string_view::npos)
      last = value_of(field, part.substr(dash + 1));
    else if (slash == std::string_view::npos)
      last = first;
  }
  if (!first || !last || *first > *last) return false;
  for (int value = *first; value <= *last; value += step) set(static_cast<size_t>(value));
  return true;
}

template <class Set>
Status add_field(const Field& field, std::string_view text, Set set) {
  for (const std::string_view part : split(text, ','))
    if (!add_part(field, part, set))
      return fail(Code::invalid_argument, std::string(field.name) + ": " + std::string(part) + " is not in " +
                                              std::to_string(field.least) + " to " + std::to_string(field.most));
  return {};
}

// "08:00" as minutes of the day.
std::optional<std::chrono::minutes> time_of_day(const std::string& text, bool may_be_midnight) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hours = number(text.substr(0, 2));
  const auto minutes = number(text.substr(3));
  if (!hours || !minutes || *minutes > 59) return std::nullopt;
  const bool midnight = *hours == 24 && *minutes == 0;
  if (*hours > 23 && !(midnight && may_be_midnight)) return std::nullopt;
  return std::chrono::minutes(*hours * 60 + *minutes);
}

WeeklyWindow read_weekly(JsonReader& r) {
  WeeklyWindow window;
  window.days.set();
  if (const auto days = r.strings("days", kDays.size(), 1, 16)) {
    window.days.reset();
    for (size_t i = 0; i < days->size(); ++i) {
      const auto day = index_in(kDays, (*days)[i]);
      if (day) window.days.set(static_cast<size_t>(*day));
      if (!day)
        r.errors().push_back(
            {r.path() + "/days/" + std::to_string(i), "must be one of: mon, tue, wed, thu, fri, sat, sun"});
    }
    if (days->empty()) r.error("days", "must name one at least");
  }
  const auto time = [&r](const char* key, bool is_end) {
    const auto text = r.require(key).string(key, 1, 16);
    const auto minute = text ? time_of_day(*text, is_end) : std::nullopt;
    if (text && !minute) r.error(key, is_end ? "must be a time, 00:00 to 24:00" : "must be a time, 00:00 to 23:59");
    return minute;
  };
  const auto from = time("from", false), to = time("to", true);
  if (from && to && *from == *to) r.error("to", "must not be the same as from");
  window.from = from.value_or(window.from);
  window.to = to.value_or(window.to);
  return window;
}

CronWindow read_cron(JsonReader& r) {
  CronWindow window;
  if (const auto text = r.string("cron", 1, 256)) {
    auto parsed = parse_cron(*text);
    if (parsed)
      window = *parsed;
    else
      r.error("cron", parsed.error().message);
  }
  if (const auto duration = r.require("duration_s").integer("duration_s", 1, kMostSeconds))
    window.duration = seconds(*duration);
  return window;
}

}  // namespace

Result<CronWindow> parse_cron(std::string_view text) {
  std::vector<std::string_view> fields = split(text, ' ');
  std::erase(fields, std::string_view());
  if (fields.size() != 5)
    return fail(Code::invalid_argument, "must have five fields: minute, hour, day of month, month, day of week");
  CronWindow window;
  auto done = add_field({"minute", 0, 59, {}}, fields[0], [&](size_t i) { window.minutes.set(i); });
  if (done) done = add_field({"hour", 0, 23, {}}, fields[1], [&](size_t i) { window.hours.set(i); });
  if (done) done = add_field({"day of month", 1, 31, {}}, fields[2], [&](size_t i) { window.days.set(i); });
  if (done) done = add_field({"month", 1, 12, kMonths}, fields[3], [&](size_t i) { window.months.set(i); });
  if (done) done = add_field({"day of week", 0, 7, kDays}, fields[4], [&](size_t i) { window.weekdays.set(i % 7); });
  if (!done) return done.error_as_is();
  // As cron(8) does: with both given, either is enough.
  window.either_day = fields[2].front() != '*' && fields[4].front() != '*';
  return window;
}

TimeZone read_time_zone(JsonReader& r, const TimeZone& otherwise) {
  const auto name = r.string("time_zone", 1, 64);
  if (!name) return otherwise;
  auto zone = TimeZone::load(*name);
  if (!zone) r.error("time_zone", zone.error().message);
  return zone ? *zone : otherwise;
}

Schedule read_schedule(JsonReader& section, const TimeZone& zone, const std::string& key) {
  const Json* list = section.any(key);
  if (!list) return {};
  if (!list->is_array() || list->size() > kMostEntries) {
    section.error(key, "must be an array of " + std::to_string(kMostEntries) + " windows at most");
    return {};
  }
  std::vector<Schedule::Entry> entries;
  for (size_t i = 0; i < list->size(); ++i) {
    JsonReader r((*list)[i], section.path() + "/" + key + "/" + std::to_string(i), section.errors());
    Schedule::Entry entry;
    entry.zone = read_time_zone(r, zone);
    if (r.has("cron"))
      entry.window = read_cron(r);
    else
      entry.window = read_weekly(r);
    r.done();
    entries.push_back(std::move(entry));
  }
  return Schedule(std::move(entries));
}

}  // namespace vedette
