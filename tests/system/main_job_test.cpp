// The main job, end to end: cameras of every kind, commands over MQTT, clips in the catalog and the object store.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>

#include "core/ids.h"
#include "tests/support/media.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr milliseconds kPreRoll{5000};
constexpr milliseconds kDuration{10000};
constexpr milliseconds kClip = kPreRoll + kDuration;
constexpr int kPatternWidth = 640;

struct Kind {
  std::string camera_id;
  double fps = 25;
  std::filesystem::path source{};  // empty: test://pattern
  bool aac = false;
  bool made_aac = false;  // of what it sends, by the agent
};

UtcTime time_of(const Json& json, const std::string& key) {
  const auto time = from_rfc3339(json.value(key, ""));
  EXPECT_TRUE(time) << key << " of " << json;
  return time.value_or(UtcTime());
}

milliseconds distance(UtcTime a, UtcTime b) {
  return std::chrono::duration_cast<milliseconds>(a > b ? a - b : b - a);
}

// Every frame once, in steps of the frame rate, the first one within a frame of the instant.
void expect_burnt_in_times(const std::filesystem::path& file, UtcTime start, milliseconds step) {
  const auto times = burnt_in_times(file, kPatternWidth);
  ASSERT_EQ(find_jump(times, step), "");
  EXPECT_LE(distance(*times.front(), start), step) << to_rfc3339(*times.front()) << ", not " << to_rfc3339(start);
}

class MainJobTest : public testing::Test {
 protected:
  explicit MainJobTest(bool s3 = true) : rig({.s3 = s3}) {}

  void add_pattern(const std::string& id, int fps = 25) {
    rig.add_camera(id, "test://pattern?size=640x360&fps=" + std::to_string(fps) + "&gop=50&audio=1");
  }

  // What holds for every clip, however it came to be.
  void expect_plays(const Json& clip, const std::filesystem::path& file, milliseconds length, double fps) {
    EXPECT_EQ(top_boxes(file).substr(0, 9), "ftyp moov") << top_boxes(file);
    EXPECT_EQ(sha256_of(file), clip.at("sha256"));
    EXPECT_EQ(std::filesystem::file_size(file), clip.at("size_bytes").get<uint64_t>());
    const double step = 1000 / fps;
    EXPECT_GE(clip.value("duration_ms", 0.0), static_cast<double>(length.count()) - step - 1);
    EXPECT_LE(clip.value("duration_ms", 0.0), static_cast<double>(length.count()) + step + 1);
    EXPECT_EQ(clip.at("gaps").size(), 0u) << clip;
    const Decoded decoded = decode(file);
    EXPECT_EQ(decoded.errors, "");
    const double frames = static_cast<double>(length.count()) / step;
    EXPECT_GE(decoded.video_frames, frames - 1) << clip;
    EXPECT_LE(decoded.video_frames, frames + 1) << clip;
  }

  void expect_right(const Kind& kind, const Started& started, milliseconds pre_roll, milliseconds duration) {
    SCOPED_TRACE(kind.camera_id);
    const Json ready = rig.wait_clip_ready(started.recording_id, duration + Rig::kLimit);
    const std::string clip_id = ready.value("clip_id", "");
    const Json uploaded = rig.wait_uploaded(clip_id);
    const Json clip = rig.clip(clip_id);
    EXPECT_EQ(clip.at("state"), "ready");
    EXPECT_EQ(clip.at("upload").at("state"), "uploaded");
    EXPECT_EQ(clip.at("audio"), kind.aac || kind.made_aac ? Json("aac") : Json());

    const auto fetched = rig.fetch_with_awscli(uploaded.value("object_key", ""));
    expect_plays(clip, fetched, pre_roll + duration, kind.fps);
    EXPECT_EQ(sha256_of(rig.file_of(clip_id)), clip.at("sha256"));
    const UtcTime start = time_of(clip, "start");
    EXPECT_GE(start, started.asked - pre_roll - 1ms);
    EXPECT_LE(start, started.answered - pre_roll + milliseconds(static_cast<int>(1000 / kind.fps)) + 1ms);
    expect_whole(kind, fetched, start);
    expect_in_order(started, clip_id);
  }

  // Not one packet is missing, and the first one is a keyframe.
  void expect_whole(const Kind& kind, const std::filesystem::path& file, UtcTime start) {
    const Samples video = samples(file, 'v');
    EXPECT_TRUE(video.begins_with_keyframe);
    if (kind.source.empty()) {
      expect_burnt_in_times(file, start, milliseconds(static_cast<int>(1000 / kind.fps)));
      return;
    }
    EXPECT_EQ(find_break(video.digests, samples(kind.source, 'v').digests), "");
    constexpr size_t kSeam = 4;  // sound that begins before the picture, or ends after it, is not sent
    if (!kind.aac) return;
    EXPECT_EQ(find_break(samples(file, 'a').digests, samples(kind.source, 'a').digests, kSeam), "");
  }

  // Each event once, none before what it follows from, all with the command's id.
  void expect_in_order(const Started& started, const std::string& clip_id) {
    rig.event("recording.stopped", "recording_id", started.recording_id);
    std::map<std::string, size_t> places;
    size_t count = 0;
    for (const Json& event : rig.events())
      if (event.value("command_id", "") == started.command_id) places[event.at("type")] = ++count;
    EXPECT_EQ(count, 4u) << clip_id;
    EXPECT_EQ(places.size(), 4u) << clip_id;
    EXPECT_EQ(places["recording.started"], 1u);
    EXPECT_EQ(places["clip.ready"], 2u);
    EXPECT_EQ(places["recording.stopped"] + places["clip.uploaded"], 3u + 4u);
  }

  Rig rig;
};

TEST_F(MainJobTest, RecordsEveryKindOfCameraToTheFrame) {
  const auto h264_aac = footage(Footage::h264_aac_1080p25);
  const auto h264 = footage(Footage::h264_no_audio);
  const auto h265 = footage(Footage::h265_pcma);
  const auto file = footage(Footage::h264_bframes_aac);
  rig.add_sim({"hall", "yard", "gate"}, {h264_aac, h264, h265});
  add_pattern("pattern");
  rig.config()["recording"]["audio"] = "aac";
  rig.add_camera("film", "file://" + file.string());
  rig.start();
  std::vector<Kind> kinds = {{"hall", 25, h264_aac, true},
                             {"yard", 10, h264},
                             {"gate", 20, h265, false, true},
                             {"pattern", 25, {}, true},
                             {"film", 25, file, true}};
  for (const Kind& kind : kinds) {
    rig.event("camera.up", "camera_id", kind.camera_id);
    ASSERT_TRUE(rig.wait_for_ring(kind.camera_id, kPreRoll + 3000ms)) << kind.camera_id;
  }

  std::vector<Started> started;
  for (const Kind& kind : kinds)
    started.push_back(
        rig.start_recording(kind.camera_id, {{"pre_roll_ms", kPreRoll.count()}, {"duration_ms", kDuration.count()}}));
  // Two more of the same camera, of other lengths, while the first runs.
  const Started second = rig.start_recording("pattern", {{"pre_roll_ms", 1000}, {"duration_ms", 4000}});
  rig.event("recording.started", "recording_id", second.recording_id);
  const Started third = rig.start_recording("pattern", {{"pre_roll_ms", 3000}, {"duration_ms", 3000}});

  expect_right(kinds[3], second, 1000ms, 4000ms);
  expect_right(kinds[3], third, 3000ms, 3000ms);
  for (size_t i = 0; i < kinds.size(); ++i) expect_right(kinds[i], started[i], kPreRoll, kDuration);

  const Json found = rig.result("clip.query", {{"camera_id", "pattern"}});
  EXPECT_EQ(found.at("clips").size(), 3u) << found;
  for (const size_t i : {size_t{0}, size_t{3}}) {  // those that every Chromium can decode: H.264
    const Json ready = rig.wait_clip_ready(started[i].recording_id);
    const Json url = rig.result("clip.url", {{"clip_id", ready.at("clip_id")}, {"ttl_s", 60}});
    const auto fetched = rig.fetch_url(url.value("url", ""));
    EXPECT_EQ(sha256_of(fetched), ready.at("sha256"));
    const Json played = play_in_chromium(fetched);
    EXPECT_FALSE(played.contains("error")) << played;
    EXPECT_NEAR(played.value("duration", 0.0), static_cast<double>(kClip.count()) / 1000, 0.2) << played;
  }
  rig.expect_messages_follow_schemas();
}

// Without an object store: what matters here is before it.
class RecordingTest : public MainJobTest {
 protected:
  RecordingTest() : MainJobTest(false) {
    add_pattern("front");
    rig.start();
  }
  Json clip_of(const std::string& recording_id) {
    const Json ready = rig.wait_clip_ready(recording_id);
    return rig.clip(ready.value("clip_id", ""));
  }
};

TEST_F(RecordingTest, EndsEarlyWhenStoppedAndRunsOncePerId) {
  ASSERT_TRUE(rig.wait_for_ring("front", 1000ms));
  const std::string id = new_id();
  constexpr int kTimes = 100;
  int running_already = 0;
  for (int i = 0; i < kTimes; ++i)
    running_already += rig.start_recording("front", {{"recording_id", "once"}, {"duration_ms", 60000}})
                               .result.value("already_running", false)
                           ? 1
                           : 0;
  EXPECT_EQ(running_already, kTimes - 1);
  EXPECT_EQ(rig.result("recording.list", Json::object()).at("recordings").size(), 1u);
  const UtcTime stopped = Clock::system().utc();
  const Json answer = rig.result("recording.stop", {{"recording_id", "once"}});
  EXPECT_EQ(answer.at("clip_ids").size(), 1u) << answer;

  const Json clip = clip_of("once");
  EXPECT_LE(distance(time_of(clip, "end"), stopped), 200ms);
  expect_plays(clip, rig.file_of(clip.at("clip_id")), milliseconds(clip.at("duration_ms").get<int64_t>()), 25);
  EXPECT_EQ(rig.event("recording.stopped", "recording_id", "once").at("data").at("reason"), "stopped");
  EXPECT_EQ(rig.result("clip.query", Json::object()).at("clips").size(), 1u);
  EXPECT_EQ(rig.command("recording.start", {{"camera_id", "front"}, {"recording_id", "once"}}).at("code"),
            "already_exists");
  rig.expect_messages_follow_schemas();
}

TEST_F(RecordingTest, StartsAtAnInstantOfThePastOrTheFuture) {
  ASSERT_TRUE(rig.wait_for_ring("front", 5000ms));
  const UtcTime past = Clock::system().utc() - 3333ms;
  const UtcTime future = Clock::system().utc() + 2500ms;
  const Started early = rig.start_recording("front", {{"start", to_rfc3339(past)}, {"duration_ms", 4000}});
  const Started late = rig.start_recording("front", {{"start", to_rfc3339(future)}, {"duration_ms", 1000}});
  EXPECT_EQ(early.result.at("state"), "recording");
  EXPECT_EQ(late.result.at("state"), "scheduled");
  const Json listed = rig.result("recording.list", {{"camera_id", "front"}});
  ASSERT_EQ(listed.at("recordings").size(), 2u) << listed;

  const Json too_early = rig.command("recording.start", {{"camera_id", "front"}, {"start", "2020-01-01T00:00:00Z"}});
  EXPECT_EQ(too_early.at("code"), "out_of_buffer");
  EXPECT_TRUE(from_rfc3339(too_early.at("result").value("oldest", ""))) << too_early;
  EXPECT_EQ(
      rig.command(
             "recording.start",
             {{"camera_id", "front"}, {"start", "2020-01-01T00:00:00Z"}, {"duration_ms", 1000}, {"allow_late", true}})
          .at("code"),
      "out_of_buffer")
      << "nothing of it is left";
  const Json lately = rig.result(
      "recording.start",
      {{"camera_id", "front"}, {"recording_id", "allowed"}, {"start", "2020-01-01T00:00:00Z"}, {"allow_late", true}});
  EXPECT_LT(lately.value("lead_actual_ms", 0.0), 0) << lately;
  rig.result("recording.stop", {{"recording_id", "allowed"}});

  for (const auto& [started, wanted, length] : {std::tuple(early, past, 4000ms), std::tuple(late, future, 1000ms)}) {
    const Json clip = clip_of(started.recording_id);
    EXPECT_GE(time_of(clip, "start"), wanted - 1ms) << clip;
    EXPECT_LE(time_of(clip, "start"), wanted + 41ms) << "the first frame due then";
    expect_plays(clip, rig.file_of(clip.at("clip_id")), length, 25);
    expect_burnt_in_times(rig.file_of(clip.at("clip_id")), wanted, 40ms);
  }
  EXPECT_TRUE(samples(rig.file_of(clip_of("allowed").at("clip_id")), 'v').begins_with_keyframe);
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
