// What `vedettectl watch` draws on a terminal.
#include "ctl/dashboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/clock.h"
#include "core/json.h"

namespace vedette::test {
namespace {

using ctl::Dashboard;
using testing::HasSubstr;
using testing::Not;

const UtcTime kNow = *from_rfc3339("2026-11-20T08:31:29.123Z");

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

class DashboardTest : public testing::Test {
 protected:
  void take(Dashboard& dashboard, const std::string& topic, const Json& body) {
    dashboard.take("vedette/v1/" + topic, to_text(body), kNow);
  }
  void fill(Dashboard& dashboard) {
    take(dashboard, "edge-01/status",
         {{"state", "degraded"},
          {"cameras", {{"total", 2}, {"streaming", 1}, {"recording", 1}}},
          {"problems", {{{"code", "camera_unavailable"}, {"camera_id", "gate"}, {"message", "it is away"}}}}});
    take(dashboard, "edge-01/camera/front/state",
         {{"state", "streaming"},
          {"recording", {{"active", true}}},
          {"stream", {{"codec", "h264"}, {"width_px", 1920}, {"height_px", 1080}}}});
    take(dashboard, "edge-01/camera/gate/state", {{"state", "unreachable"}, {"error", "connection refused"}});
    take(dashboard, "edge-01/telemetry/camera/front", {{"fps", 25.0}, {"dropped_frames_total", 3}});
    take(dashboard, "edge-01/telemetry/system", {{"upload_queue_rows", 7}});
    take(dashboard, "edge-01/event/clip.ready",
         {{"type", "clip.ready"}, {"camera_id", "front"}, {"data", {{"size_bytes", 8123456}}}});
  }
};

// The status is sent when events begin to wait, and not again when they have gone.
TEST_F(DashboardTest, HowManyEventsWaitIsOfTheNewestTelemetry) {
  Dashboard dashboard("vedette", false);
  take(dashboard, "edge-01/status", {{"state", "online"}, {"cameras", Json::object()}, {"outbox", {{"rows", 4}}}});
  EXPECT_THAT(dashboard.frame({120, 24}, kNow), HasSubstr("4 events wait"));
  take(dashboard, "edge-01/telemetry/system", {{"outbox_rows", 0}});
  EXPECT_THAT(dashboard.frame({120, 24}, kNow), Not(HasSubstr("events wait")));
  take(dashboard, "edge-01/telemetry/system", {{"outbox_rows", 3}});
  EXPECT_THAT(dashboard.frame({120, 24}, kNow), HasSubstr("3 events wait"));
}

TEST_F(DashboardTest, ShowsDevicesCamerasAndEventsAsTheyAre) {
  Dashboard dashboard("vedette", false);
  fill(dashboard);
  const auto rows = lines(dashboard.frame({120, 24}, kNow));
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_THAT(rows[0], HasSubstr("1 device "));
  EXPECT_THAT(rows[1], HasSubstr("edge-01            degraded    1/2 streaming  1 recording  7 uploads wait"));
  EXPECT_THAT(rows[2], HasSubstr("! gate camera_unavailable: it is away"));
  EXPECT_THAT(rows[3], HasSubstr("front            streaming   REC h264 1920x1080  fps 25"));
  EXPECT_THAT(rows[3], HasSubstr("dropped 3"));
  EXPECT_THAT(rows[4], HasSubstr("gate             unreachable"));
  EXPECT_THAT(rows[4], HasSubstr("! connection refused"));
  EXPECT_THAT(rows[5], HasSubstr("clip.ready"));

  take(dashboard, "edge-01/status",
       {{"state", "online"}, {"cameras", {{"total", 2}, {"streaming", 2}, {"recording", 0}}}});
  EXPECT_THAT(dashboard.frame({120, 24}, kNow), HasSubstr("online      2/2 streaming"));
  EXPECT_THAT(dashboard.frame({120, 24}, kNow), Not(HasSubstr("it is away")));
}

TEST_F(DashboardTest, IsNeverLargerThanTheScreen) {
  Dashboard dashboard("vedette", false);
  fill(dashboard);
  for (int i = 0; i < 500; ++i)
    take(dashboard, "edge-01/event/motion.started", {{"type", "motion.started"}, {"data", {{"x", i}}}});
  for (int i = 0; i < 100; ++i)
    take(dashboard, "d" + std::to_string(i) + "/status", {{"state", "online"}, {"reason", "äöü äöü äöü"}});
  for (const size_t columns : {1u, 7u, 20u, 33u, 80u}) {
    for (const size_t rows : {1u, 2u, 4u, 10u, 50u}) {
      const auto drawn = lines(dashboard.frame({columns, rows}, kNow));
      EXPECT_LE(drawn.size(), rows);
      for (const std::string& line : drawn) {
        const auto width = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
        EXPECT_LE(static_cast<size_t>(width), columns) << line;
      }
    }
  }
  EXPECT_THAT(dashboard.frame({80, 20}, kNow), HasSubstr("more rows"));
}

TEST_F(DashboardTest, ColoursStatesAndNothingFromTheBrokerSteersTheTerminal) {
  Dashboard dashboard("vedette", true);
  fill(dashboard);
  EXPECT_THAT(dashboard.frame({120, 24}, kNow), HasSubstr("\x1b[32mstreaming\x1b[0m"));
  EXPECT_THAT(dashboard.frame({120, 24}, kNow), HasSubstr("\x1b[1;31munreachable\x1b[0m"));
  Dashboard plain("vedette", false);
  take(plain, "e\x1b[2J/status",
       {{"state", "on\x1b[2Jline"}, {"problems", {{{"code", "x\x07"}, {"message", "\x1b]0;a"}}}}});
  take(plain, "edge-01/event/a", {{"type", "a"}, {"data", {{"x", "\x1b[2J"}}}});
  EXPECT_THAT(plain.frame({120, 24}, kNow), Not(HasSubstr("\x1b")));
}

TEST_F(DashboardTest, IgnoresWhatIsNoneOfTheTopics) {
  Dashboard dashboard("vedette", false);
  for (const char* topic :
       {"vedette/v1/edge-01", "vedette/v1/", "other/v1/edge-01/status", "vedette/v1/edge-01/status"})
    dashboard.take(topic, "not json", kNow);
  EXPECT_THAT(dashboard.frame({80, 24}, kNow), HasSubstr("0 devices"));
}

}  // namespace
}  // namespace vedette::test
