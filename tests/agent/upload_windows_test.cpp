#include "agent/upload_windows.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/agent/config_fixture.h"

namespace vedette {
namespace {

UtcTime utc(const std::string& text) {
  return from_rfc3339(text).value();
}

UploadWindows windows(const std::string& entries, const std::string& more = "") {
  const auto loaded =
      test::load(R"({"device_id": "edge-01", "recording": {"time_zone": "Europe/Berlin"}, "upload": {)" + more +
                 R"("windows": )" + entries + "}}");
  EXPECT_TRUE(loaded.warnings.empty());
  return UploadWindows(loaded.config.upload.windows);
}

void expect_state(const UploadWindows& windows, const std::string& at, bool open, const std::string& next) {
  const auto state = windows.at(utc(at));
  EXPECT_EQ(state.open, open) << at;
  EXPECT_EQ(state.next_change ? to_rfc3339(*state.next_change) : "", next) << at;
}

TEST(UploadWindowsTest, WithoutAnyAllTimesAreOpen) {
  EXPECT_FALSE(windows("[]").any());
  EXPECT_TRUE(windows("[]").at(utc("2026-11-20T08:00:00Z")).open);
}

TEST(UploadWindowsTest, OpenAndCloseByTheClockOfTheRecordings) {
  const auto nights = windows(R"([{"from": "22:00", "to": "05:30"}])");
  expect_state(nights, "2026-11-20T20:59:59Z", false, "2026-11-20T21:00:00.000Z");
  expect_state(nights, "2026-11-20T21:00:00Z", true, "2026-11-21T04:30:00.000Z");
  expect_state(nights, "2026-11-21T04:30:00Z", false, "2026-11-21T21:00:00.000Z");
  const auto summer = windows(R"([{"days": ["mon"], "from": "22:00", "to": "23:00", "time_zone": "Asia/Tokyo"}])");
  expect_state(summer, "2026-11-20T12:00:00Z", false, "2026-11-23T13:00:00.000Z");
}

TEST(UploadWindowsTest, RareOnesAreFoundAndThoseThatNeverCloseToo) {
  const auto monthly = windows(R"([{"cron": "0 2 1 * *", "duration_s": 3600, "time_zone": "UTC"}])");
  expect_state(monthly, "2026-11-20T12:00:00Z", false, "2026-12-01T02:00:00.000Z");
  const auto yearly = windows(R"([{"cron": "0 2 1 3 *", "duration_s": 3600, "time_zone": "UTC"}])");
  expect_state(yearly, "2026-11-20T12:00:00Z", false, "2027-03-01T02:00:00.000Z");
  expect_state(windows(R"([{"cron": "0 2 30 2 *", "duration_s": 3600}])"), "2026-11-20T12:00:00Z", false, "");
  expect_state(windows(R"([{"from": "00:00", "to": "24:00"}])"), "2026-11-20T12:00:00Z", true, "");
}

TEST(UploadWindowsTest, MistakesAreNamed) {
  const auto paths = test::paths_of(R"({"device_id": "a", "upload": {"poster": 1, "windows": [
    {"from": "22:00"}, {"from": "25:00", "to": "05:00"}, {"cron": "0 2 * *", "duration_s": 60}, 7]}})");
  EXPECT_EQ(paths, (std::vector<std::string>{"/upload/poster", "/upload/windows/0/to", "/upload/windows/1/from",
                                             "/upload/windows/2/cron", "/upload/windows/3"}));
}

}  // namespace
}  // namespace vedette
