// Cameras that are encoded here, and cameras in plug-ins: from the device to the clip, by the agent as it is shipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/v4l2_camera.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

using testing::HasSubstr;

class RawSourcesTest : public testing::Test {
 protected:
  // The first message of the kind after the mark, of whichever camera.
  Json wait_for_state(const std::string& state, size_t from) {
    const auto matches = [&state](const ProbeMessage& m) {
      return m.topic.find("/camera/") != std::string::npos && m.topic.ends_with("/state") &&
             m.json().value("state", "") == state;
    };
    const auto message = rig.probe.wait_for(matches, Rig::kLimit, from);
    EXPECT_TRUE(message) << "no camera is " << state;
    return message ? message->json() : Json::object();
  }

  Rig rig;
};

TEST_F(RawSourcesTest, V4l2CameraIsRecordedUnpluggedAndRecordedAgain) {
  const V4l2Camera camera("format YUYV 640x480 30\nformat MJPG 1280x720 30");
  rig.environment() = camera.environment();
  rig.add_camera("desk", camera.url("size=640x480"), {{"encode", {{"preset", "ultrafast"}, {"gop_ms", 1000}}}});
  rig.start();
  const Json probed = rig.result("camera.probe", {{"camera_id", "desk"}});
  EXPECT_THAT(probed.at("capture").get<std::string>(), HasSubstr("yuyv 640x480 at 30/s of Test Camera (/dev/video7)"));
  EXPECT_THAT(rig.vedette->log(), HasSubstr("camera is set up"));
  EXPECT_THAT(rig.vedette->log(), HasSubstr("encoder in hardware works here"));
  const Started started = rig.start_recording("desk", {{"duration_ms", 2000}});
  const Json ready = rig.wait_clip_ready(started.recording_id);
  EXPECT_EQ(ready.at("width_px"), 640) << ready;
  size_t mark = rig.probe.mark();
  camera.set_fault("unplugged");
  EXPECT_THAT(wait_for_state("unreachable", mark).dump(), HasSubstr("unplugged"));
  mark = rig.probe.mark();
  camera.set_fault("");
  wait_for_state("streaming", mark);
  rig.expect_messages_follow_schemas();
}

TEST_F(RawSourcesTest, NoMoreCamerasAreEncodedThanThereAreSlots) {
  rig.config()["encode"] = {{"slots", 1}};
  for (const char* id : {"first", "second"})
    rig.add_camera(id, "test://pattern?size=320x180", {{"encode", {{"preset", "ultrafast"}}}});
  rig.launch();
  wait_for_state("streaming", 0);
  EXPECT_THAT(wait_for_state("busy", 0).dump(), HasSubstr("encode.slots"));
}

TEST_F(RawSourcesTest, CameraInAPluginIsRecorded) {
  const auto path = rig.scratch() / "frames.h264";
  run_or_throw({"ffmpeg", "-v", "error", "-i", footage(Footage::h264_aac_1080p25).string(), "-t", "6", "-an", "-c",
                "copy", "-bsf:v", "h264_mp4toannexb,h264_metadata=aud=insert", path.string()});
  rig.config()["plugins"] = {{"acme", VEDETTE_BINARY_DIR "/lib/annexb_file.so"}};
  rig.add_camera("desk", "acme://" + path.string() + "?fps=25");
  rig.start();
  const Started started = rig.start_recording("desk", {{"duration_ms", 3000}});
  const Json ready = rig.wait_clip_ready(started.recording_id);
  EXPECT_GE(ready.at("duration_ms").get<int>(), 2500) << ready;
  const Json refused = rig.command("camera.probe", {{"url", "acme:///etc/passwd"}});
  EXPECT_EQ(refused.value("code", ""), "forbidden") << refused;
  EXPECT_EQ(rig.vedette->sigterm(), 0);
}

}  // namespace
}  // namespace vedette::test
