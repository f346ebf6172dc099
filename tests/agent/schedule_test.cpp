#include "agent/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "agent/schedule_config.h"

namespace vedette {

// For messages of failed tests.
void PrintTo(const Span& span, std::ostream* out) {
  *out << to_rfc3339(span.start) << " - " << to_rfc3339(span.end);
}

static bool operator==(const Span& a, const Span& b) {
  return a.start == b.start && a.end == b.end;
}

namespace test {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using testing::ElementsAre;

UtcTime utc(const std::string& text) {
  return from_rfc3339(text).value();
}

Span span(const std::string& from, const std::string& to) {
  return {utc(from), utc(to)};
}

Schedule schedule(const std::string& entries, const std::string& zone = "UTC") {
  std::vector<FieldError> errors;
  const Json json = Json::parse(R"({"schedule": )" + entries + "}");
  JsonReader reader(json, "", errors);
  Schedule out = read_schedule(reader, TimeZone::load(zone).value());
  EXPECT_TRUE(errors.empty()) << summary(errors);
  return out;
}

// Of one day, UTC.
std::vector<Span> on(const Schedule& schedule, const std::string& from, const std::string& to) {
  return schedule.spans(utc(from + "T00:00:00Z"), utc(to + "T00:00:00Z"));
}

TEST(ScheduleTest, HoldsInWeeklyWindows) {
  // 2026-11-20 is a Friday.
  const Schedule office = schedule(R"([{"days": ["thu", "fri"], "from": "08:00", "to": "18:30"}])");
  EXPECT_THAT(on(office, "2026-11-16", "2026-11-23"),
              ElementsAre(span("2026-11-19T08:00:00Z", "2026-11-19T18:30:00Z"),
                          span("2026-11-20T08:00:00Z", "2026-11-20T18:30:00Z")));
  EXPECT_THAT(on(office, "2026-11-21", "2026-11-26"), ElementsAre());
  const Schedule nights = schedule(R"([{"days": ["sat"], "from": "22:00", "to": "06:00"}])", "Asia/Tokyo");
  EXPECT_THAT(on(nights, "2026-11-21", "2026-11-22"),
              ElementsAre(span("2026-11-21T13:00:00Z", "2026-11-21T21:00:00Z")));
  // Asked for in its middle, it is whole.
  EXPECT_THAT(nights.spans(utc("2026-11-21T20:00:00Z"), utc("2026-11-21T20:00:01Z")),
              ElementsAre(span("2026-11-21T13:00:00Z", "2026-11-21T21:00:00Z")));
  EXPECT_THAT(nights.spans(utc("2026-11-21T21:00:00Z"), utc("2026-11-22T13:00:00Z")), ElementsAre());
}

TEST(ScheduleTest, WindowsThatOverlapOrTouchAreOne) {
  const Schedule s = schedule(R"([{"from": "08:00", "to": "12:00"}, {"from": "12:00", "to": "13:00"},
                                  {"from": "12:30", "to": "24:00"}, {"days": ["sat"], "from": "00:00", "to": "01:00"}])");
  EXPECT_THAT(on(s, "2026-11-20", "2026-11-21"), ElementsAre(span("2026-11-20T08:00:00Z", "2026-11-21T01:00:00Z")));
  const auto always = on(schedule(R"([{"from": "00:00", "to": "24:00"}])"), "2026-11-20", "2026-11-21");
  ASSERT_EQ(always.size(), 1u);
  EXPECT_LE(always[0].start, utc("2026-11-20T00:00:00Z"));
  EXPECT_GE(always[0].end, utc("2026-11-21T12:00:00Z"));
}

TEST(ScheduleTest, FollowsTheClockOnTheWallWhenItIsSetForward) {
  // Berlin, 29 March: 02:00 is 03:00, at 01:00 UTC.
  EXPECT_THAT(on(schedule(R"([{"from": "01:30", "to": "03:30"}])", "Europe/Berlin"), "2026-03-29", "2026-03-30"),
              ElementsAre(span("2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
                          span("2026-03-29T23:30:00Z", "2026-03-30T01:30:00Z")));
  EXPECT_THAT(on(schedule(R"([{"from": "02:00", "to": "03:00"}])", "Europe/Berlin"), "2026-03-29", "2026-03-30"),
              ElementsAre());
  EXPECT_THAT(on(schedule(R"([{"from": "02:30", "to": "04:00"}])", "Europe/Berlin"), "2026-03-29", "2026-03-30"),
              ElementsAre(span("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z")));
  // New York, 8 March, at 07:00 UTC; Lord Howe, 4 October: 02:00 is 02:30, at 15:30 UTC of the 3rd.
  EXPECT_THAT(on(schedule(R"([{"from": "01:00", "to": "04:00"}])", "America/New_York"), "2026-03-08", "2026-03-09"),
              ElementsAre(span("2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z")));
  EXPECT_THAT(on(schedule(R"([{"from": "01:45", "to": "02:45"}])", "Australia/Lord_Howe"), "2026-10-03", "2026-10-04"),
              ElementsAre(span("2026-10-03T15:15:00Z", "2026-10-03T15:45:00Z")));
}

TEST(ScheduleTest, FollowsTheClockOnTheWallWhenItIsSetBack) {
  // Berlin, 25 October: 03:00 is 02:00, at 01:00 UTC.
  EXPECT_THAT(on(schedule(R"([{"from": "01:30", "to": "03:30"}])", "Europe/Berlin"), "2026-10-25", "2026-10-26"),
              ElementsAre(span("2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z")));
  EXPECT_THAT(on(schedule(R"([{"from": "01:30", "to": "02:30"}])", "Europe/Berlin"), "2026-10-25", "2026-10-26"),
              ElementsAre(span("2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z"),
                          span("2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z")));
  // Lord Howe, 5 April: 02:00 is 01:30, at 15:00 UTC of the 4th.
  EXPECT_THAT(on(schedule(R"([{"from": "01:45", "to": "03:00"}])", "Australia/Lord_Howe"), "2026-04-04", "2026-04-05"),
              ElementsAre(span("2026-04-04T14:45:00Z", "2026-04-04T15:00:00Z"),
                          span("2026-04-04T15:15:00Z", "2026-04-04T16:30:00Z")));
}

TEST(ScheduleTest, BeginsAsCronSays) {
  const Schedule half_hours = schedule(R"([{"cron": "*/30 8-9 * * 1-5", "duration_s": 600}])");
  EXPECT_THAT(on(half_hours, "2026-11-20", "2026-11-22"),
              ElementsAre(span("2026-11-20T08:00:00Z", "2026-11-20T08:10:00Z"),
                          span("2026-11-20T08:30:00Z", "2026-11-20T08:40:00Z"),
                          span("2026-11-20T09:00:00Z", "2026-11-20T09:10:00Z"),
                          span("2026-11-20T09:30:00Z", "2026-11-20T09:40:00Z")));
  EXPECT_THAT(on(schedule(R"([{"cron": "0 12 1,20 nov *", "duration_s": 1}])"), "2026-11-01", "2026-12-02"),
              ElementsAre(span("2026-11-01T12:00:00Z", "2026-11-01T12:00:01Z"),
                          span("2026-11-20T12:00:00Z", "2026-11-20T12:00:01Z")));
  // Both days: either. The 20th is a Friday, the 22nd a Sunday.
  EXPECT_THAT(on(schedule(R"([{"cron": "0 0 20 * sun", "duration_s": 60}])"), "2026-11-16", "2026-11-23"),
              ElementsAre(span("2026-11-20T00:00:00Z", "2026-11-20T00:01:00Z"),
                          span("2026-11-22T00:00:00Z", "2026-11-22T00:01:00Z")));
  EXPECT_THAT(on(schedule(R"([{"cron": "0 0 * * 7", "duration_s": 86400}])"), "2026-11-22", "2026-11-23"),
              ElementsAre(span("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z")));
}

TEST(ScheduleTest, ACronBeginningThatTheClockLeavesOutIsWhenItIsSet) {
  const Schedule daily = schedule(R"([{"cron": "30 2 * * *", "duration_s": 600}])", "Europe/Berlin");
  EXPECT_THAT(on(daily, "2026-03-29", "2026-03-30"), ElementsAre(span("2026-03-29T01:00:00Z", "2026-03-29T01:10:00Z")));
  EXPECT_THAT(on(daily, "2026-10-25", "2026-10-26"), ElementsAre(span("2026-10-25T00:30:00Z", "2026-10-25T00:40:00Z"),
                                                                 span("2026-10-25T01:30:00Z", "2026-10-25T01:40:00Z")));
}

TEST(ScheduleTest, EachWindowMayHaveItsZone) {
  const Schedule s =
      schedule(R"([{"from": "08:00", "to": "09:00", "time_zone": "Asia/Tokyo"}, {"from": "08:00", "to": "09:00"}])",
               "Europe/Berlin");
  EXPECT_THAT(on(s, "2026-11-20", "2026-11-21"), ElementsAre(span("2026-11-20T07:00:00Z", "2026-11-20T08:00:00Z"),
                                                             span("2026-11-20T23:00:00Z", "2026-11-21T00:00:00Z")));
}

// Minute by minute, by the definition alone.
TEST(ScheduleTest, AgreesWithTheClockOnTheWallInEveryMinute) {
  std::mt19937 random(26);
  const auto pick = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
  for (int round = 0; round < 60; ++round) {
    const std::string name =
        std::vector<std::string>{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata",
                                 "Africa/Casablanca"}[static_cast<size_t>(pick(5))];
    const TimeZone zone = TimeZone::load(name).value();
    WeeklyWindow window;
    for (size_t day = 0; day < 7; ++day) window.days[day] = pick(3) > 0;
    window.from = minutes(pick(1440));
    do window.to = minutes(pick(1441));
    while (window.to == window.from);
    const Schedule s({{window, zone}});
    // A week around a change.
    const UtcTime change =
        zone.next_change(utc("2026-01-01T00:00:00Z") + days(pick(200))).value_or(utc("2026-05-01T00:00:00Z"));
    const UtcTime begin = change - days(3), end = change + days(4);
    const auto spans = s.spans(begin, end);
    for (UtcTime t = begin; t < end; t += minutes(1)) {
      const auto local =
          std::chrono::local_seconds(std::chrono::floor<seconds>(t).time_since_epoch() + zone.offset_at(t));
      const auto day = std::chrono::floor<days>(local);
      const auto time = local - day;
      const bool today = window.days[std::chrono::weekday(day).c_encoding()];
      const bool yesterday = window.days[std::chrono::weekday(day - days(1)).c_encoding()];
      const bool over = window.to <= window.from;
      const bool holds = over ? (today && time >= window.from) || (yesterday && time < window.to)
                              : today && time >= window.from && time < window.to;
      const bool found =
          std::any_of(spans.begin(), spans.end(), [t](const Span& x) { return x.start <= t && t < x.end; });
      ASSERT_EQ(found, holds) << name << " " << to_rfc3339(t) << " " << window.from.count() << " " << window.to.count();
    }
  }
}

TEST(ScheduleTest, CronExpressionsAreReadStrictly) {
  for (const char* good :
       {"* * * * *", "0 0 1 1 0", "*/5 0-23/2 1,15 jan-mar mon-fri", "59 23 31 12 7", "5/10 * * * *"})
    EXPECT_TRUE(parse_cron(good)) << good;
  for (const char* bad : {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *",
                          "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "a * * * *", "1,,2 * * * *",
                          "@daily", "-1 * * * *", "1- * * * *", "* * * foo *", "*/x * * * *", "** * * * *"})
    EXPECT_FALSE(parse_cron(bad)) << bad;
}

}  // namespace
}  // namespace test
}  // namespace vedette
