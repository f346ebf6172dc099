// clip.create on real streams: continuous and commanded recordings, the ring, and holes between them.
#include <gtest/gtest.h>

#include "tests/support/media.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr int kPatternWidth = 320;

UtcTime time_of(const Json& text) {
  return from_rfc3339(text.get<std::string>()).value();
}

class ClipCreateTest : public testing::Test {
 protected:
  Json create(const std::string& camera_id, UtcTime start, UtcTime end, const Json& more = Json::object()) {
    Json params = {{"camera_id", camera_id}, {"start", to_rfc3339(start)}, {"end", to_rfc3339(end)}};
    params.update(more);
    return rig.command("clip.create", params);
  }
  // The one clip that the window makes; nothing is missing.
  Json create_one(const std::string& camera_id, UtcTime start, UtcTime end, const Json& more = Json::object()) {
    const Json reply = create(camera_id, start, end, more);
    EXPECT_EQ(reply.value("status", ""), "succeeded") << reply;
    const Json result = reply.value("result", Json::object());
    EXPECT_EQ(result.value("clip_ids", Json::array()).size(), 1u) << result;
    EXPECT_EQ(result.value("missing", Json::array()), Json::array());
    EXPECT_EQ(result.at("covered"), Json::array({Json::array({to_rfc3339(start), to_rfc3339(end)})}));
    const Json clip = rig.clip(result.at("clip_ids").at(0));
    EXPECT_EQ(clip.at("trigger"), "command");
    EXPECT_EQ(clip.at("state"), "ready");
    return clip;
  }
  // Plays to the frame from start to end, which the times that are burnt into the pictures prove.
  void expect_shows(const Json& clip, UtcTime start, UtcTime end, milliseconds step) {
    const auto file = rig.file_of(clip.at("clip_id"));
    EXPECT_EQ(sha256_of(file), clip.at("sha256"));
    EXPECT_EQ(decode(file).errors, "");
    const auto times = burnt_in_times(file, kPatternWidth);
    EXPECT_EQ(find_jump(times, step), "");
    ASSERT_FALSE(times.empty());
    EXPECT_GE(*times.front(), start - 1ms);
    EXPECT_LT(*times.front(), start + step + 1ms);
    EXPECT_LT(*times.back(), end + 1ms);
    EXPECT_GE(*times.back(), end - step - 1ms);
  }
  size_t ready(const std::string& camera_id) {
    return rig.result("clip.query", {{"camera_id", camera_id}, {"state", Json::array({"ready"})}}).at("clips").size();
  }

  Rig rig;
};

TEST_F(ClipCreateTest, MakesAnyWindowOfACameraThatIsRecordedAllTheTime) {
  rig.config()["recording"] = {{"segment_s", 4}};
  rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=50", {{"record", "continuous"}, {"ring_s", 3}});
  rig.start();
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return ready("front") >= 2; }));
  const Json clips = rig.result("clip.query", {{"camera_id", "front"}}).at("clips");
  const UtcTime join = time_of(clips.at(1).at("start"));

  const UtcTime across = join - 1730ms;
  const Json joined = create_one("front", across, join + 1490ms, {{"labels", {"incident"}}, {"priority", "high"}});
  expect_shows(joined, across, join + 1490ms, 40ms);
  EXPECT_EQ(joined.at("labels"), Json::array({"incident"}));
  rig.wait_uploaded(joined.at("clip_id"));

  // From the first clip, over the others and the one that is open, into the ring, up to now.
  const UtcTime from = join - 1s, to = std::chrono::floor<milliseconds>(Clock::system().utc());
  const Json into_ring = create_one("front", from, to);
  expect_shows(into_ring, from, to, 40ms);
  EXPECT_GT(to - from, 3s);

  const UtcTime now = Clock::system().utc();
  const Json inverted = create("front", now - 1s, now - 2s);
  EXPECT_EQ(inverted.at("code"), "invalid_argument");
  const Json future = create("front", now - 1s, now + 60s);
  EXPECT_EQ(future.at("status"), "rejected");
  EXPECT_EQ(future.at("code"), "invalid_argument");
  EXPECT_NE(future.value("message", "").find("recording.start"), std::string::npos) << future;
  EXPECT_EQ(create("front", now - 48h, now).at("code"), "invalid_argument");
  EXPECT_EQ(create("nobody", now - 2s, now - 1s).at("code"), "not_found");
  const Json old = create("front", join - 48h, join - 47h);
  EXPECT_EQ(old.at("status"), "failed");
  EXPECT_EQ(old.at("code"), "not_found");
  EXPECT_EQ(old.at("result").at("clip_ids"), Json::array());
  EXPECT_EQ(old.at("result").at("missing").at(0).at(2), "not_recorded");
  rig.expect_messages_follow_schemas();
}

TEST_F(ClipCreateTest, SaysWhatIsMissingBetweenRecordings) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25", {{"ring_s", 1}, {"ring_max_bytes", 65536}});
  rig.start();
  const Started one = rig.start_recording("front", {{"duration_ms", 3000}});
  const Json first = rig.clip(rig.wait_clip_ready(one.recording_id).at("clip_id"));
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return Clock::system().utc() > time_of(first.at("end")) + 4s; }));
  const Started other = rig.start_recording("front", {{"duration_ms", 3000}});
  const Json second = rig.clip(rig.wait_clip_ready(other.recording_id).at("clip_id"));

  const UtcTime start = time_of(first.at("start")) + 500ms, end = time_of(second.at("start")) + 2s;
  const Json reply = create("front", start, end);
  ASSERT_EQ(reply.at("status"), "succeeded") << reply;
  const Json& result = reply.at("result");
  ASSERT_EQ(result.at("clip_ids").size(), 2u) << result;
  ASSERT_EQ(result.at("covered").size(), 2u) << result;
  ASSERT_EQ(result.at("missing").size(), 1u) << result;
  const Json& hole = result.at("missing").at(0);
  EXPECT_EQ(hole.at(0), result.at("covered").at(0).at(1));
  EXPECT_EQ(hole.at(1), result.at("covered").at(1).at(0));
  EXPECT_EQ(hole.at(2), "not_recorded");
  expect_shows(rig.clip(result.at("clip_ids").at(0)), start, time_of(hole.at(0)), 40ms);
  expect_shows(rig.clip(result.at("clip_ids").at(1)), time_of(hole.at(1)), end, 40ms);
  rig.expect_messages_follow_schemas();
}

// Real streams over RTSP, B-frames and sound included: the packets of the window are those of the footage, each once.
TEST_F(ClipCreateTest, MissesNoPacketOfARealStream) {
  rig.config()["recording"] = {{"segment_s", 3}};
  const auto media = footage(Footage::h264_bframes_aac);
  rig.add_sim({"hall"}, {media});
  rig.config()["cameras"]["hall"]["record"] = "continuous";
  rig.config()["cameras"]["hall"]["ring_s"] = 4;
  rig.start();
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return ready("hall") >= 2; }));
  const Json clips = rig.result("clip.query", {{"camera_id", "hall"}}).at("clips");
  const UtcTime start = time_of(clips.at(1).at("start")) - 1100ms;
  const UtcTime end = std::chrono::floor<milliseconds>(Clock::system().utc()) - 500ms;
  const Json clip = create_one("hall", start, end);
  const auto file = rig.file_of(clip.at("clip_id"));
  const Decoded decoded = decode(file);
  EXPECT_EQ(decoded.errors, "");
  EXPECT_NEAR(decoded.video_frames, std::chrono::duration<double>(end - start).count() * 25, 1.5);
  const Samples video = samples(file, 'v');
  EXPECT_TRUE(video.begins_with_keyframe);
  EXPECT_EQ(find_break(video.digests, samples(media, 'v').digests), "");
  constexpr size_t kSeam = 4;  // as in MainJobTest
  EXPECT_EQ(find_break(samples(file, 'a').digests, samples(media, 'a').digests, kSeam), "");
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
