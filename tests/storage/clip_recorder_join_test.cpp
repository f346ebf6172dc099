// Recordings of several clips, and what is missing in them.
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "core/file.h"
#include "core/sha256.h"
#include "tests/storage/recorder_rig.h"
#include "tests/support/fake_clock.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

// So many clips of 3 s, but for the last one; the camera is a second ahead.
class ClipJoinTest : public ClipRecorderTest {
 protected:
  void expect_whole_joins(size_t count);
};

void ClipJoinTest::expect_whole_joins(size_t count) {
  const MonoTime end = begin + count * 3s - 1s;
  Pattern camera(begin, true);
  camera.set_audio_late(120ms);
  const auto pushed = push(camera.until(end + 1s));
  RecordingSpec wanted = spec(begin, end);
  wanted.segment = 3s;
  record(wanted);
  std::vector<Clip> clips = reports.clips();
  ASSERT_EQ(clips.size(), count);
  std::vector<int64_t> video, audio;
  std::set<int64_t> audio_numbers;
  for (const Packet& packet : pushed)
    if (!packet.video()) audio_numbers.insert(number_of(packet));
  for (const Clip& clip : clips) {
    EXPECT_EQ(duration_ms(clip), &clip == &clips.back() ? 2000 : 3000);
    EXPECT_EQ(clip.audio, "aac");
    for (const int64_t number : numbers_in(file_of(clip)))
      (audio_numbers.count(number) ? audio : video).push_back(number);
  }
  for (size_t i = 1; i < clips.size(); ++i) EXPECT_LE(std::chrono::abs(clips[i].start - *clips[i - 1].end), 1ms);
  std::vector<int64_t> expected_video, expected_audio;
  for (const Packet& packet : pushed)
    if (packet.pts < end) (packet.video() ? expected_video : expected_audio).push_back(number_of(packet));
  EXPECT_EQ(video, expected_video);
  EXPECT_EQ(audio, expected_audio);
}

TEST_F(ClipJoinTest, LoseNothingAndRepeatNothing) {
  expect_whole_joins(100);
}

class ClipJoinSlowTest : public ClipJoinTest {};

TEST_F(ClipJoinSlowTest, LoseNothingOverAThousandRotations) {
  expect_whole_joins(1001);
}

TEST_F(ClipRecorderTest, AFileOfASegmentPlaysFromItsFirstFrame) {
  Pattern camera(begin);
  push(camera.until(begin + 12s));
  RecordingSpec wanted = spec(begin + 480ms, begin + 11s);
  wanted.segment = 4s;
  record(wanted);
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 3u);
  EXPECT_EQ(shown_frames(file_of(clips[0])), 113);  // to the keyframe at 5 s
  EXPECT_EQ(shown_frames(file_of(clips[1])), 100);
  EXPECT_EQ(shown_frames(file_of(clips[2])), 50);
  EXPECT_EQ(clips[1].lead_actual_ms, 0);
}

TEST_F(ClipRecorderTest, AnotherPictureSizeBeginsAnotherClip) {
  Pattern camera(begin);
  push(camera.until(begin + 4s));
  camera.change_size();
  push(camera.until(begin + 8s));
  record(spec(begin, begin + 7s));
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 2u);
  EXPECT_EQ(clips[0].width_px, 160);
  EXPECT_EQ(clips[1].width_px, 128);
  EXPECT_EQ(shown_frames(file_of(clips[0])), 100);
  EXPECT_EQ(shown_frames(file_of(clips[1])), 75);
}

TEST_F(ClipRecorderTest, ASilenceOfTheCameraIsAGapInTheSameFile) {
  Pattern camera(begin);
  push(camera.until(begin + 4s));
  camera.skip_to(begin + 14s);
  push(camera.until(begin + 20s));
  record(spec(begin, begin + 18s));
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 1u);
  ASSERT_EQ(clips[0].gaps.size(), 1u);
  EXPECT_EQ(clips[0].gaps[0].start - clips[0].start, 4s);
  EXPECT_EQ(clips[0].gaps[0].end - clips[0].start, 14s);
  EXPECT_EQ(clips[0].gaps[0].reason, "camera_down");
  EXPECT_EQ(duration_ms(clips[0]), 18'000);
  EXPECT_EQ(shown_frames(file_of(clips[0])), 200);
  EXPECT_EQ(store.catalog->clip(clips[0].clip_id)->gaps.size(), 1u);
}

// It may have been stolen: what it showed last must not wait for its return.
TEST_F(ClipRecorderTest, ACameraThatStaysAwayDoesNotKeepItsClipOpen) {
  FakeClock fake(clock.utc(), clock.mono());
  const MonoTime start = begin;
  Pattern camera(start);
  push(camera.until(start + 4s));
  const RecorderContext faked{store.layout, *store.catalog, *store.losses, fake, 2000ms, mux, sync};
  ClipRecorder recorder(spec(start, std::nullopt), ring, faked, reports.receiver());
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::started).has_value());
  fake.advance(60s);
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::clip).has_value());
  camera.skip_to(start + 100s);
  push(camera.until(start + 110s));
  recorder.stop(start + 108s);
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::ended).has_value());
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 2u);
  EXPECT_EQ(shown_frames(file_of(clips[0])), 100);
  EXPECT_EQ(shown_frames(file_of(clips[1])), 200);
  EXPECT_EQ(clips[1].start - clips[0].start, 100s);
  const auto losses = store.losses->query({}).value().losses;
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].reason, "camera_down");
  EXPECT_EQ(losses[0].camera_id, "front");
  EXPECT_LE(std::chrono::abs(losses[0].start - *clips[0].end), 1ms);
  EXPECT_EQ(losses[0].end, clips[1].start);
}

TEST_F(ClipRecorderTest, APictureFromBeforeASilenceIsNotWhereItBegins) {
  Pattern camera(begin);
  push(camera.until(begin + 4s));
  camera.skip_to(begin + 30s);
  push(camera.until(begin + 40s));
  record(spec(begin + 20s, begin + 35s));
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 1u);
  EXPECT_EQ(clips[0].lead_actual_ms, -10'000);
  EXPECT_EQ(shown_frames(file_of(clips[0])), 125);
  EXPECT_TRUE(clips[0].gaps.empty());
}

TEST_F(ClipRecorderTest, WhatTheReaderMissesIsAGapAndALoss) {
  Ring small(RingLimits{2s, 256 * 1024 * 1024});
  Pattern camera(clock.mono() - 100s);
  const MonoTime start = camera.now();
  for (const Packet& packet : camera.until(start + 2s)) small.push(packet);
  ClipRecorder recorder(spec(start, std::nullopt), small, context(), reports.receiver());
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::started).has_value());
  // More at once than the ring holds: whatever the recorder does, it cannot have seen it all.
  std::vector<Packet> burst;
  do {
    burst = camera.until(camera.now() + 500s);
    for (const Packet& packet : burst) small.push(packet);
  } while (store.losses->count().value() == 0 && camera.now() < start + 20'000s && reports.all().size() == 1 &&
           (std::this_thread::yield(), true));
  recorder.stop(camera.now());
  for (const Packet& packet : camera.until(camera.now() + 1s)) small.push(packet);
  ASSERT_TRUE(reports.wait(RecorderReport::Kind::ended).has_value());
  const auto losses = store.events("loss.recorded");
  ASSERT_FALSE(losses.empty());
  EXPECT_EQ(Json::parse(losses[0].data)["reason"], "reader_late");
  EXPECT_GT(Json::parse(losses[0].data)["packets"], 0);
  bool gap = false;
  for (const Clip& clip : reports.clips()) {
    EXPECT_GT(shown_frames(file_of(clip)), 0);
    for (const Gap& g : clip.gaps) gap |= g.reason == "reader_late";
  }
  EXPECT_TRUE(gap || reports.clips().size() > 1);
}

TEST_F(ClipRecorderTest, WhatTheNetworkLostIsAGapAndALoss) {
  Pattern camera(begin);
  push(camera.until(begin + 4s));
  camera.skip_to(begin + 5s);
  auto rest = camera.until(begin + 10s);
  rest.front().lost_before = 25;
  push(std::move(rest));
  record(spec(begin, begin + 9s));
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 1u);
  ASSERT_EQ(clips[0].gaps.size(), 1u);
  EXPECT_EQ(clips[0].gaps[0].start - clips[0].start, 4s);
  EXPECT_EQ(clips[0].gaps[0].end - clips[0].start, 5s);
  EXPECT_EQ(clips[0].gaps[0].reason, "packets_lost");
  EXPECT_EQ(shown_frames(file_of(clips[0])), 200);
  const auto losses = store.events("loss.recorded");
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(Json::parse(losses[0].data)["reason"], "packets_lost");
  EXPECT_EQ(Json::parse(losses[0].data)["packets"], 25);
}

}  // namespace
}  // namespace vedette::test
