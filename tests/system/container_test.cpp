// Clips that are to be something else than MP4, from real cameras to the bucket.
#include <gtest/gtest.h>

#include "tests/support/media.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

struct ContainerTest : testing::Test {
  Rig rig{{.s3 = true}};

  std::string probe(const std::filesystem::path& file, const std::string& entry) const {
    return run_or_throw({"ffprobe", "-v", "error", "-show_entries", entry, "-of", "csv=p=0", file.string()});
  }

  // Records, fetches what came into the bucket, and looks at it.
  void expect_clip(const std::string& camera, const std::string& container, const std::string& format,
                   const std::string& content_type, double fps) {
    SCOPED_TRACE(camera + " " + container);
    const Started started = rig.start_recording(
        camera, {{"pre_roll_ms", 1500}, {"duration_ms", 3000}, {"container", container}, {"labels", {"door"}}});
    const Json ready = rig.wait_clip_ready(started.recording_id);
    EXPECT_EQ(ready.at("container"), container);
    const std::string id = ready.at("clip_id");
    const std::string key = rig.wait_uploaded(id).at("object_key");
    EXPECT_TRUE(key.ends_with("/" + id + "." + container)) << key;
    const Json clip = rig.clip(id);
    EXPECT_EQ(clip.at("container"), container);
    const auto file = rig.fetch_with_awscli(key);
    EXPECT_EQ(sha256_of(file), clip.at("sha256"));
    EXPECT_EQ(probe(file, "format=format_name").substr(0, format.size()), format);
    const Decoded decoded = decode(file);
    EXPECT_EQ(decoded.errors, "");
    const double step = 1000 / fps;
    const double length_ms = clip.at("duration_ms");
    const double file_ms = std::stod(probe(file, "format=duration")) * 1000;
    EXPECT_GE(file_ms, length_ms - step - 1);
    EXPECT_LE(file_ms, length_ms + step + 1);
    EXPECT_NEAR(length_ms, 4500 + clip.value("lead_actual_ms", 0.0), step + 1);
    EXPECT_NEAR(decoded.video_frames, length_ms / step, 1);
    const Samples video = samples(file, 'v');
    EXPECT_TRUE(video.begins_with_keyframe);
    const auto url = rig.result("clip.url", {{"clip_id", id}}).at("url").get<std::string>();
    EXPECT_NE(run_or_throw({"curl", "-s", "-r", "0-0", "-D", "-", "-o", "/dev/null", url}).find(content_type),
              std::string::npos);
    EXPECT_EQ(probe(file, "stream=codec_type").find("audio") != std::string::npos, clip.at("audio") == "aac");
  }
};

TEST_F(ContainerTest, ClipsAreWhatWasAskedForWhereTheCodecsGoInThere) {
  const auto h264 = footage(Footage::h264_aac_1080p25), h265 = footage(Footage::h265_pcma);
  rig.add_sim({"hall", "gate"}, {h264, h265});
  rig.add_camera("later", "rtsp://127.0.0.1:9/none");
  rig.config()["recording"]["audio"] = "aac";
  rig.start({"hall", "gate"});
  ASSERT_TRUE(rig.wait_for_ring("hall", 4s));
  ASSERT_TRUE(rig.wait_for_ring("gate", 4s));
  expect_clip("hall", "ts", "mpegts", "video/mp2t", 25);
  expect_clip("hall", "flv", "flv", "video/x-flv", 25);
  expect_clip("gate", "ts", "mpegts", "video/mp2t", 20);

  const Json refused = rig.command("recording.start", {{"camera_id", "gate"}, {"container", "flv"}});
  EXPECT_EQ(refused.at("code"), "unsupported");
  EXPECT_NE(refused.at("message").get<std::string>().find("flv does not hold the video codec h265"), std::string::npos)
      << refused;
  EXPECT_EQ(rig.command("recording.start", {{"camera_id", "gate"}, {"container", "avi"}}).at("code"),
            "invalid_argument");
  const auto in_an_hour = to_rfc3339(Clock::system().utc() + std::chrono::hours(1));
  EXPECT_TRUE(rig.result("recording.start", {{"camera_id", "later"}, {"start", in_an_hour}, {"container", "ts"}})
                  .contains("warnings"));

  // Of what is in the ring.
  const UtcTime now = Clock::system().utc();
  const Json made = rig.result(
      "clip.create",
      {{"camera_id", "hall"}, {"start", to_rfc3339(now - 3s)}, {"end", to_rfc3339(now - 1s)}, {"container", "ts"}});
  ASSERT_EQ(made.at("clip_ids").size(), 1u) << made;
  EXPECT_EQ(rig.clip(made.at("clip_ids").at(0)).at("container"), "ts");
  EXPECT_EQ(rig.files(".part").size(), 0u);
  EXPECT_EQ(rig.files(".mp4").size(), 0u);
  rig.expect_messages_follow_schemas();
}

// What only a clip of another container has is there, and cannot be taken out of it: that is said.
TEST_F(ContainerTest, OfAnotherContainerNoClipAndNoSnapshotIsMade) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25", {{"ring_s", 1}});
  rig.start();
  const Started started = rig.start_recording("front", {{"duration_ms", 3000}, {"container", "ts"}});
  const Json clip = rig.clip(rig.wait_clip_ready(started.recording_id).at("clip_id"));
  const UtcTime start = from_rfc3339(clip.at("start").get<std::string>()).value();
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return Clock::system().utc() > start + 6s; }));  // out of the ring
  const Json window = {
      {"camera_id", "front"}, {"start", to_rfc3339(start + 500ms)}, {"end", to_rfc3339(start + 1500ms)}};
  const Json reply = rig.command("clip.create", window);
  EXPECT_EQ(reply.at("status"), "failed") << reply;
  EXPECT_EQ(reply.at("code"), "not_found");
  EXPECT_TRUE(reply.at("result").at("covered").empty()) << reply;
  EXPECT_EQ(reply.at("result").at("missing"),
            Json::array({Json::array({window.at("start"), window.at("end"), "other_container"})}));
  const Json snapshot =
      rig.command("snapshot.take", {{"camera_id", "front"}, {"at", window.at("start")}, {"deliver", "inline"}});
  EXPECT_EQ(snapshot.at("status"), "failed") << snapshot;
  EXPECT_EQ(snapshot.at("code"), "unsupported") << snapshot;
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
