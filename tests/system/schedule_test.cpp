// Cameras that are recorded by a schedule.
#include <gtest/gtest.h>

#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr int kPatternWidth = 320;

UtcTime time_of(const Json& text) {
  return from_rfc3339(text.get<std::string>()).value();
}

// "08:30", so much from now on, UTC.
std::string time_of_day(std::chrono::minutes from_now) {
  return to_rfc3339(Clock::system().utc() + from_now).substr(11, 5);
}

Json scheduled(const Json& windows) {
  return {{"record", "schedule"}, {"schedule", windows}};
}

class ScheduleTest : public testing::Test {
 protected:
  ScheduleTest() {
    rig.config()["recording"] = {{"segment_s", 3}, {"time_zone", "UTC"}};
    rig.config()["upload"] = {{"target", "none"}};
  }

  std::vector<Json> clips(const std::string& camera_id) {
    std::vector<Json> found;
    const Json page = rig.result("clip.query", {{"camera_id", camera_id}});
    for (const Json& clip : page.at("clips"))
      if (clip.at("trigger") == "schedule" && clip.at("state") == "ready") found.push_back(clip);
    return found;
  }
  std::vector<Json> losses(const std::string& camera_id, const std::string& reason) {
    std::vector<Json> found;
    const Json page = rig.result("loss.query", Json::object());
    for (const Json& loss : page.at("losses"))
      if (loss.value("camera_id", "") == camera_id && loss.at("reason") == reason) found.push_back(loss);
    return found;
  }
  void expect_joined(const std::vector<Json>& joined) {
    std::vector<std::optional<UtcTime>> times;
    for (const Json& clip : joined)
      for (const auto& time : burnt_in_times(rig.file_of(clip.at("clip_id")), kPatternWidth)) times.push_back(time);
    EXPECT_EQ(find_jump(times, 40ms), "");
  }

  Rig rig;
};

TEST_F(ScheduleTest, RecordsWhileAWindowHoldsAndTellsWhatItMissed) {
  const Json always = Json::array({{{"from", "00:00"}, {"to", "24:00"}}});
  const Json later =
      Json::array({{{"from", time_of_day(std::chrono::hours(2))}, {"to", time_of_day(std::chrono::hours(3))}}});
  rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25", scheduled(always));
  rig.add_camera("side", "test://pattern?size=320x180&fps=25&gop=25", scheduled(later));
  rig.add_camera("gone", "rtsp://127.0.0.1:" + std::to_string(free_port()) + "/nobody", scheduled(always));
  rig.start({"front", "side"});
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return clips("front").size() >= 2; }));
  expect_joined(clips("front"));
  const std::string id = clips("front").at(0).at("recording_id");
  EXPECT_EQ(rig.command("recording.stop", {{"recording_id", id}}).at("code"), "conflict");
  const Started mine = rig.start_recording("front", {{"pre_roll_ms", 1000}, {"duration_ms", 1000}});
  EXPECT_EQ(rig.wait_clip_ready(mine.recording_id).at("trigger"), "command");
  EXPECT_EQ(rig.result("recording.list", {{"camera_id", "side"}}).at("recordings"), Json::array());

  rig.vedette->kill9();
  const UtcTime killed = Clock::system().utc();
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return Clock::system().utc() > killed + 4s; }));
  const size_t before = rig.probe.mark();
  rig.start({"front", "side"});
  EXPECT_EQ(rig.event("recording.stopped", "recording_id", id, Rig::kLimit, before).at("data").at("reason"),
            "interrupted");
  rig.event("recording.started", "camera_id", "front", Rig::kLimit, before);
  const auto missed = losses("front", "not_running");
  ASSERT_EQ(missed.size(), 1u);
  EXPECT_LT(std::chrono::abs(time_of(missed[0].at("start")) - killed), 1500ms);
  EXPECT_GE(time_of(missed[0].at("end")), killed + 4s);
  const Json gaps =
      rig.result("timeline.query",
                 {{"camera_id", "front"}, {"from", to_rfc3339(killed + 2s)}, {"to", to_rfc3339(killed + 3s)}})
          .at("gaps");
  ASSERT_EQ(gaps.size(), 1u) << gaps;
  EXPECT_EQ(gaps.at(0).at(2), "not_running");

  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.start({"front", "side"});
  const auto away = losses("gone", "camera_down");
  ASSERT_EQ(away.size(), 1u);
  EXPECT_EQ(losses("side", "not_running").size() + losses("side", "camera_down").size(), 0u);
  rig.expect_messages_follow_schemas();
}

class ScheduleSlowTest : public ScheduleTest {};

// Up to a minute until cron's next one.
TEST_F(ScheduleSlowTest, BeginsAndEndsToTheFrame) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=50",
                 scheduled(Json::array({{{"cron", "* * * * *"}, {"duration_s", 5}}})));
  rig.start();
  const auto minute = [](UtcTime t) { return std::chrono::floor<std::chrono::minutes>(t); };
  // The first may have been under way.
  const UtcTime begin = minute(Clock::system().utc()) + std::chrono::minutes(1);
  const auto in_window = [&] {
    std::vector<Json> found;
    for (const Json& clip : clips("front"))
      if (minute(time_of(clip.at("start")) + 1s) == begin) found.push_back(clip);
    return found;
  };
  ASSERT_TRUE(
      eventually(90s, [&] { return !in_window().empty() && time_of(in_window().back().at("end")) > begin + 4900ms; }));
  const auto found = in_window();
  expect_joined(found);
  EXPECT_GT(time_of(found.front().at("start")), begin - 2ms);
  EXPECT_LT(time_of(found.front().at("start")), begin + 41ms) << "the first frame due then";
  EXPECT_LT(std::chrono::abs(time_of(found.back().at("end")) - (begin + 5s)), 41ms);
  const Json stopped = rig.event("recording.stopped", "recording_id", found.front().at("recording_id"));
  EXPECT_EQ(stopped.at("data").at("reason"), "completed");
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
