// The wall clock of a box without a battery: it begins long ago, and is set some time after the agent began.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

// libfaketime gives the agent another wall clock than ours, and takes its offset from a file.
class ClockTest : public testing::Test {
 protected:
  static constexpr auto kAgo = std::chrono::hours(24 * 20'000);  // 1970 and some years

  explicit ClockTest(const RigOptions& options = {}) : rig(options) {}
  void SetUp() override {
    set_clock("-20000d");
    rig.config()["storage"]["max_age_s"] = 3600;
    rig.config()["upload"]["target"] = "none";
    rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
  }
  void set_clock(const std::string& offset) const { write_text(rig.scratch() / "clock", offset + "\n"); }
  void start_agent(const std::string& more_libraries = "") {
    const std::map<std::string, std::string> env = {
        {"LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1" + more_libraries},
        {"FAKETIME_TIMESTAMP_FILE", rig.scratch() / "clock"},
        {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
        {"FAKETIME_CACHE_DURATION", "1"},
        {"FAKETIME_DONT_RESET", "1"}};
    for (const auto& [name, value] : env) ::setenv(name.c_str(), value.c_str(), 1);
    rig.start();
    for (const auto& [name, value] : env) ::unsetenv(name.c_str());
  }
  static UtcTime time_of(const Json& json, const char* key) {
    return from_rfc3339(json.at(key).get<std::string>()).value();
  }
  static void expect_about(UtcTime a, UtcTime b) { EXPECT_LT(std::chrono::abs(a - b), 3s) << to_rfc3339(a); }

  Rig rig;
};

TEST_F(ClockTest, WhatWasRecordedBeforeTheClockWasSetGetsItsDate) {
  start_agent();
  const UtcTime began = Clock::system().utc();
  const Started done = rig.start_recording("front", {{"duration_ms", 1000}});
  const Json clip = rig.wait_clip_ready(done.recording_id);
  expect_about(time_of(clip, "start"), began - kAgo);
  const Started running = rig.start_recording("front");
  const UtcTime due = Clock::system().utc() + 12s;
  const Started later = rig.start_recording("front", {{"start", to_rfc3339(due)}, {"duration_ms", 1000}});
  EXPECT_EQ(later.result.at("state"), "scheduled");

  set_clock("+0d");
  const Json step = rig.event("clock.stepped", "type", "clock.stepped").at("data");
  EXPECT_NEAR(step.at("by_ms").get<double>(), static_cast<double>(milliseconds(kAgo).count()), 3000);
  const Json redated = rig.event("clip.redated", "clip_id", clip.at("clip_id")).at("data");
  EXPECT_EQ(redated.at("previous_start"), clip.at("start"));
  expect_about(time_of(redated, "start"), began);
  const Json now = rig.clip(clip.at("clip_id"));
  EXPECT_EQ(now.at("start"), redated.at("start"));
  EXPECT_EQ(now.at("duration_ms"), clip.at("duration_ms"));

  // What ran at the step is one clip, of the right length and date.
  rig.result("recording.stop", {{"recording_id", running.recording_id}});
  const Json across = rig.wait_clip_ready(running.recording_id);
  EXPECT_GT(across.at("duration_ms"), 0);
  EXPECT_LT(across.at("duration_ms"), 60'000);
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return time_of(rig.clip(across.at("clip_id")), "start") > began; }));

  // What was due by the right clock is made when it comes, to the frame.
  const Json scheduled = rig.wait_clip_ready(later.recording_id);
  expect_about(time_of(rig.clip(scheduled.at("clip_id")), "start"), due);
  EXPECT_EQ(rig.event("recording.stopped", "recording_id", later.recording_id).at("data").at("reason"), "completed");

  // Nothing was taken for 50 years old.
  EXPECT_TRUE(rig.events("clip.deleted").empty());
  EXPECT_EQ(rig.files(".mp4").size(), 3u);
  rig.expect_messages_follow_schemas();
}

// A battery that died, or a year that was typed wrong; and the same for a clock that begins in 1971.
TEST_F(ClockTest, CommandsRunAndExpireOnABoxThatDoesNotKnowTheYear) {
  const std::string unsynced = VEDETTE_BINARY_DIR "/lib/libunsynced_clock.so";
  rig.config()["storage"]["max_age_s"] = 0;
  for (const auto& [offset, year] : {std::pair("+26500d", "2099"), std::pair("-20000d", "1972")}) {
    SCOPED_TRACE(offset);
    set_clock(offset);
    start_agent(":" + unsynced);
    EXPECT_EQ(rig.newest_status().at("clock").at("synced"), false);
    EXPECT_EQ(rig.newest_status().at("ts").get<std::string>().substr(0, 3), std::string(year).substr(0, 3));
    const UtcTime now = Clock::system().utc();
    const auto ask = [&](UtcTime sent, microseconds lives) {
      return rig.probe
          .final_reply(rig.probe.send_command(Rig::kDevice, "agent.ping", Json::object(),
                                              {{"ts", to_rfc3339(sent)}, {"expires_at", to_rfc3339(sent + lives)}}))
          .at("status");
    };
    EXPECT_EQ(ask(now, 20s), "succeeded");
    EXPECT_EQ(ask(now, -1s), "expired") << "already when it was sent";
    // The broker counts: it came too late before anybody could read a clock.
    EXPECT_EQ(rig.vedette->sigterm(), 0);
    ProbeMessage late;
    const std::string id = new_id();
    late.topic = "vedette/v1/edge-01/command/agent.ping";
    late.payload = to_text({{"v", 1}, {"id", id}, {"ts", to_rfc3339(now)}, {"expires_at", to_rfc3339(now + 20s)}});
    late.expiry_s = 1;
    ASSERT_TRUE(rig.probe.publish(late));
    const MonoTime gone = Clock::system().mono() + 2500ms;
    ASSERT_TRUE(eventually(Rig::kLimit, [&] { return Clock::system().mono() > gone; }));
    const size_t mark = rig.probe.mark();
    start_agent(":" + unsynced);
    rig.result("agent.ping", Json::object());
    EXPECT_EQ(rig.probe.count([&](const ProbeMessage& m) { return m.payload.find(id) != std::string::npos; }, mark),
              0u);
    EXPECT_EQ(rig.vedette->sigterm(), 0);
  }
  rig.expect_messages_follow_schemas();
}

class StoreClockTest : public ClockTest {
 protected:
  StoreClockTest() : ClockTest({.s3 = true}) {}
  // What the newest status says of the clock; empty: nothing.
  std::string problem() const {
    const Json status = rig.newest_status();
    for (const Json& problem : status.at("problems"))
      if (problem.at("code") == "conflict") return problem.at("message");
    return {};
  }
};

TEST_F(StoreClockTest, UploadsGoOnByTheStoresClockAndThatOursIsWrongIsAProblem) {
  rig.config()["upload"]["target"] = "s3";
  rig.config()["telemetry"] = {{"interval_s", 1}};
  set_clock("-5h");
  start_agent();
  const Json clip = rig.wait_clip_ready(rig.start_recording("front", {{"duration_ms", 1000}}).recording_id);
  rig.wait_uploaded(clip.at("clip_id"));
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return !problem().empty(); }));
  EXPECT_NE(problem().find("the clock is 5 h behind the store's"), std::string::npos) << problem();
  EXPECT_EQ(rig.newest_status().at("state"), "degraded");

  set_clock("+0d");
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return problem().empty(); }));
  EXPECT_EQ(rig.newest_status().at("state"), "online");
  const Json next = rig.wait_clip_ready(rig.start_recording("front", {{"duration_ms", 1000}}).recording_id);
  rig.wait_uploaded(next.at("clip_id"));
  rig.expect_messages_follow_schemas();
}

// A camera whose own clock is 77 s ahead, as its sender reports say.
TEST(CameraClockTest, WhatTheCamerasClockShowedIsKeptBesideOurTime) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}, .more = {"--clock-offset", "77"}});
  Rig rig;
  rig.config()["upload"]["target"] = "none";
  rig.add_camera("front", cameras.url());
  rig.start();
  const Started started = rig.start_recording("front", {{"duration_ms", 8000}});
  const Json ready = rig.wait_clip_ready(started.recording_id);
  const Json clip = rig.clip(ready.at("clip_id"));
  EXPECT_EQ(ready.at("camera_start"), clip.at("camera_start"));
  const auto time = [&](const char* key) { return from_rfc3339(clip.at(key).get<std::string>()).value(); };
  EXPECT_LT(std::chrono::abs(time("camera_start") - time("start") - 77s), 300ms) << clip;
  EXPECT_LT(std::chrono::abs(time("start") - started.asked), 3s) << "nothing of our time goes by it";
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
