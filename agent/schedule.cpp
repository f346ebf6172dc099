#include "agent/schedule.h"

#include <algorithm>

namespace vedette {

namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::minutes;

constexpr days kLongestWindow{1};

// A stretch in which the clock on the wall is ahead of UTC by one and the same time.
struct Steady {
  UtcTime from;
  UtcTime to;
  seconds offset;

  local_seconds local(UtcTime t) const {
    return local_seconds(std::chrono::floor<seconds>(t).time_since_epoch() + offset);
  }
  UtcTime utc(local_seconds t) const { return UtcTime(t.time_since_epoch() - offset); }
};

// From the first local day that may matter to the last.
template <class Use>
void for_each_day(const Steady& steady, Use use) {
  const auto last = std::chrono::floor<days>(steady.local(steady.to));
  for (auto day = std::chrono::floor<days>(steady.local(steady.from)) - kLongestWindow; day <= last; day += days(1))
    use(day);
}

void add_spans(const WeeklyWindow& window, const Steady& steady, std::vector<Span>& spans) {
  for_each_day(steady, [&](local_days day) {
    if (!window.days[std::chrono::weekday(day).c_encoding()]) return;
    const days next(window.to <= window.from ? 1 : 0);
    const Span span{std::max(steady.utc(day + window.from), steady.from),
                    std::min(steady.utc(day + next + window.to), steady.to)};
    if (span.start < span.end) spans.push_back(span);
  });
}

// Calls use() for each beginning in a stretch of local time.
template <class Use>
void for_each_beginning(const CronWindow& window, local_seconds from, local_seconds to, Use use) {
  for (auto day = std::chrono::floor<days>(from); day < to; day += days(1)) {
    if (!window.begins_on(day)) continue;
    for (int minute = 0; minute < 24 * 60; ++minute) {
      const local_seconds at = day + minutes(minute);
      if (at >= from && at < to && window.hours[static_cast<size_t>(minute) / 60] &&
          window.minutes[static_cast<size_t>(minute) % 60])
        use(at);
    }
  }
}

void add_spans(const CronWindow& window, const Steady& steady, seconds next_offset, std::vector<Span>& spans) {
  const local_seconds end = steady.local(steady.to);
  for_each_beginning(window, steady.local(steady.from), end, [&](local_seconds at) {
    spans.push_back({steady.utc(at), steady.utc(at) + window.duration});
  });
  // What the clocks leave out.
  for_each_beginning(window, end, end + (next_offset - steady.offset), [&](local_seconds) {
    spans.push_back({steady.to, steady.to + window.duration});
  });
}

}  // namespace

bool CronWindow::begins_on(local_days day) const {
  const std::chrono::year_month_day date(day);
  const bool right_day = days[static_cast<unsigned>(date.day())];
  const bool right_weekday = weekdays[std::chrono::weekday(day).c_encoding()];
  return months[static_cast<unsigned>(date.month())] &&
         (either_day ? right_day || right_weekday : right_day && right_weekday);
}

std::vector<Span> Schedule::spans(UtcTime from, UtcTime to) const {
  std::vector<Span> spans;
  for (const Entry& entry : entries_) {
    const UtcTime end = to + kLongestWindow;
    for (UtcTime at = from - 2 * kLongestWindow; at < end;) {
      const UtcTime change = entry.zone.next_change(at).value_or(end);
      const Steady steady{at, std::min(change, end), entry.zone.offset_at(at)};
      if (const auto* weekly = std::get_if<WeeklyWindow>(&entry.window)) add_spans(*weekly, steady, spans);
      if (const auto* cron = std::get_if<CronWindow>(&entry.window))
        add_spans(*cron, steady, entry.zone.offset_at(steady.to), spans);
      at = steady.to;
    }
  }
  spans = merged(std::move(spans));
  std::erase_if(spans, [&](const Span& span) { return span.end <= from || span.start >= to; });
  return spans;
}

}  // namespace vedette
