#include "core/time_zone.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

UtcTime utc(const char* text) {
  return from_rfc3339(text).value();
}

TimeZone zone(const std::string& name) {
  auto loaded = TimeZone::load(name);
  EXPECT_TRUE(loaded) << loaded.error().message;
  return loaded.value_or(TimeZone());
}

// All zones of the machine, over 120 years, as Python reads the same files: past the last change that is listed too.
TEST(TimeZoneTest, AgreesWithPythonAboutEveryZoneForEver) {
  const std::string script = R"(
import zoneinfo, datetime
for name in sorted(zoneinfo.available_timezones()):
    zone = zoneinfo.ZoneInfo(name)
    for t in range(-1600000000, 4200000000, 9876543):
        at = datetime.datetime.fromtimestamp(t, datetime.timezone.utc).astimezone(zone)
        print(name, t, int(at.utcoffset().total_seconds()))
)";
  std::istringstream lines(run_or_throw({"python3", "-c", script}, milliseconds(60000)));
  std::string name, last;
  TimeZone read;
  int64_t t = 0, offset = 0;
  size_t zones = 0, wrong = 0;
  while (lines >> name >> t >> offset) {
    if (name != last) {
      read = zone(name);
      ++zones;
      last = name;
    }
    if (read.offset_at(UtcTime(seconds(t))) != seconds(offset) && ++wrong < 10)
      ADD_FAILURE() << name << " at " << t << ": " << read.offset_at(UtcTime(seconds(t))).count() << ", not " << offset;
  }
  EXPECT_GT(zones, 300u);
  EXPECT_EQ(wrong, 0u);
}

TEST(TimeZoneTest, KnowsWhenTheOffsetChanges) {
  const TimeZone berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.next_change(utc("2026-01-01T00:00:00Z")), utc("2026-03-29T01:00:00Z"));
  EXPECT_EQ(berlin.next_change(utc("2026-03-29T01:00:00Z")), utc("2026-10-25T01:00:00Z"));
  EXPECT_EQ(berlin.offset_at(utc("2026-03-29T00:59:59.999Z")), hours(1));
  EXPECT_EQ(berlin.offset_at(utc("2026-03-29T01:00:00Z")), hours(2));
  // By the rule behind the list, which ends in 2037.
  EXPECT_EQ(berlin.next_change(utc("2051-07-01T00:00:00Z")), utc("2051-10-29T01:00:00Z"));
  EXPECT_EQ(zone("America/New_York").next_change(utc("2026-01-01T00:00:00Z")), utc("2026-03-08T07:00:00Z"));
  const TimeZone lord_howe = zone("Australia/Lord_Howe");
  EXPECT_EQ(lord_howe.next_change(utc("2026-01-01T00:00:00Z")), utc("2026-04-04T15:00:00Z"));
  EXPECT_EQ(lord_howe.offset_at(utc("2026-04-04T15:00:00Z")), hours(10) + minutes(30));
  EXPECT_EQ(zone("Asia/Tokyo").next_change(utc("2026-01-01T00:00:00Z")), std::nullopt);
  EXPECT_EQ(TimeZone().next_change(utc("2026-01-01T00:00:00Z")), std::nullopt);
  EXPECT_EQ(TimeZone().offset_at(utc("2026-01-01T00:00:00Z")), 0s);
}

TEST(TimeZoneTest, RefusesWhatIsNoZone) {
  for (const char* name :
       {"", "/etc/passwd", "../../etc/passwd", "Europe/../../../etc/passwd", "Europe Berlin", "Europe/Berlin\n"})
    EXPECT_EQ(TimeZone::load(name).error().code, Code::invalid_argument) << name;
  EXPECT_EQ(TimeZone::load("Europe/Atlantis").error().code, Code::not_found);
  EXPECT_EQ(TimeZone::load("Europe").error().code, Code::not_found);
  EXPECT_EQ(TimeZone::load("zone.tab").error().code, Code::invalid_argument);
}

TEST(TimeZoneTest, TheMachinesZoneIsUtcWhereThereIsNone) {
  const TempDir dir;
  EXPECT_EQ(TimeZone::of_machine(dir.path() / "localtime").offset_at(utc("2026-07-01T00:00:00Z")), 0s);
  std::filesystem::create_symlink("/usr/share/zoneinfo/Asia/Tokyo", dir.path() / "localtime");
  EXPECT_EQ(TimeZone::of_machine(dir.path() / "localtime").offset_at(utc("2026-07-01T00:00:00Z")), hours(9));
}

// Cut at every length, and every byte turned over: errors or other rules, never worse.
TEST(TimeZoneTest, SurvivesDamage) {
  const std::string whole = read_text("/usr/share/zoneinfo/Europe/Berlin");
  ASSERT_TRUE(TimeZone::parse(whole));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(TimeZone::parse(std::string_view(whole).substr(0, size))) << size;
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(~bytes[at]);
    if (const auto read = TimeZone::parse(bytes)) {
      (void)read->offset_at(utc("2040-07-01T00:00:00Z"));
      (void)read->next_change(utc("2026-07-01T00:00:00Z"));
    }
  }
}

}  // namespace
}  // namespace vedette::test
