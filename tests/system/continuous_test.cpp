// Cameras that are recorded all the time.
#include <gtest/gtest.h>

#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr int kPatternWidth = 320;

class ContinuousTest : public testing::Test {
 protected:
  ContinuousTest() {
    rig.config()["recording"] = {{"segment_s", 5}};
    rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25", {{"record", "continuous"}});
    rig.start();
  }

  std::vector<Json> clips(const std::string& trigger) {
    std::vector<Json> found;
    const Json page = rig.result("clip.query", {{"state", Json::array({"ready"})}});
    for (const Json& clip : page.at("clips"))
      if (clip.at("trigger") == trigger) found.push_back(clip);
    return found;
  }

  // The frames of the clips, one after the other as they were recorded: none is missing and none is there twice.
  void expect_joined(const std::vector<Json>& joined) {
    std::vector<std::optional<UtcTime>> times;
    for (const Json& clip : joined)
      for (const auto& time : burnt_in_times(rig.file_of(clip.at("clip_id")), kPatternWidth)) times.push_back(time);
    EXPECT_EQ(find_jump(times, 40ms), "");
  }

  Rig rig;
};

TEST_F(ContinuousTest, RecordsAllTheTimeInJoinedSegmentsWithCommandsBeside) {
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return clips("continuous").size() >= 1; }));
  const Started mine = rig.start_recording("front", {{"pre_roll_ms", 2000}, {"duration_ms", 1000}});
  const Json clip = rig.clip(rig.wait_clip_ready(mine.recording_id).at("clip_id"));
  EXPECT_EQ(clip.at("trigger"), "command");
  EXPECT_NEAR(clip.value("duration_ms", 0.0), 3000, 41);
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return clips("continuous").size() >= 3; }));
  expect_joined(clips("continuous"));

  const std::string id = clips("continuous").at(0).at("recording_id");
  EXPECT_EQ(rig.command("recording.stop", {{"recording_id", id}}).at("code"), "conflict");
  EXPECT_EQ(rig.command("recording.stop", {{"camera_id", "front"}}).at("code"), "not_found");
  const Json running = rig.result("recording.list", Json::object()).at("recordings");
  ASSERT_EQ(running.size(), 1u);
  EXPECT_EQ(running.at(0).at("trigger"), "continuous");
  rig.expect_messages_follow_schemas();
}

TEST_F(ContinuousTest, GoesOnAfterARestartAndAKill) {
  rig.event("recording.started", "camera_id", "front");
  rig.vedette->sigterm();
  size_t before = rig.probe.mark();
  rig.start();
  rig.event("recording.started", "camera_id", "front", Rig::kLimit, before);
  rig.vedette->kill9();
  before = rig.probe.mark();
  rig.start();
  EXPECT_EQ(rig.event("recording.stopped", "camera_id", "front", Rig::kLimit, before).at("data").at("reason"),
            "interrupted");
  rig.event("recording.started", "camera_id", "front", Rig::kLimit, before);
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return clips("continuous").size() >= 3; }));
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
