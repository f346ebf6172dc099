// When the frames and the sound of a clip are, and how long they last.
#include <gtest/gtest.h>

#include <cmath>

#include "media/mp4_writer.h"
#include "tests/media/mp4_writer_fixture.h"

namespace vedette {
namespace {

using namespace test;

class Mp4WriterTimesTest : public Mp4WriterTest {};

TEST_F(Mp4WriterTimesTest, OneFrameLasts) {
  Reel reel = made_reel("h264_b");
  reel.packets.resize(1);
  reel.packets[0].duration = 0us;
  const auto summary = write_clip(path_, reel, kReelBegin);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->shown, 40ms);
  EXPECT_EQ(shown_frames(path_).size(), 1U);
}

TEST_F(Mp4WriterTimesTest, TheLastFrameLastsAsLongAsIsUsual) {
  Reel reel = made_reel("h264_b");
  reel.packets = reel.video();
  for (Packet& packet : reel.packets) packet.duration = 0us;
  const auto summary = write_clip(path_, reel, reel.packets.front().pts);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->shown, 40ms * reel.packets.size());
}

TEST_F(Mp4WriterTimesTest, AudioFromBeforeTheFirstFrameIsNotMissed) {
  Reel reel = made_reel("h264_aac");
  std::stable_partition(reel.packets.begin(), reel.packets.begin() + 4, [](const Packet& p) { return p.video(); });
  for (Packet& packet : reel.packets)
    if (!packet.video()) packet.pts = packet.dts -= 300ms;
  const auto summary = write_clip(path_, reel, kReelBegin);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_TRUE(summary->has_audio);
  EXPECT_TRUE(decodes_cleanly(path_));
}

TEST_F(Mp4WriterTimesTest, AudioThatBeginsLateIsInStep) {
  Reel reel = made_reel("h264_aac");
  std::erase_if(reel.packets, [](const Packet& p) { return !p.video() && p.dts < kReelBegin + 2s; });
  const auto summary = write_clip(path_, reel, kReelBegin + 1s);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_NEAR(std::stod(ffprobe(path_, "stream=start_time", "a")), 1.0, 0.065);
  EXPECT_TRUE(decodes_cleanly(path_));
}

TEST_F(Mp4WriterTimesTest, AudioThatEndsBeforeTheInstantIsNotInTheClip) {
  Reel reel = made_reel("h264_aac");
  std::erase_if(reel.packets, [](const Packet& p) { return !p.video() && p.dts > kReelBegin + 1s; });
  const auto summary = write_clip(path_, reel, kReelBegin + 3s);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_FALSE(summary->has_audio);
  EXPECT_EQ(ffprobe(path_, "stream=codec_type"), "video");
  EXPECT_TRUE(decodes_cleanly(path_));
}

TEST_F(Mp4WriterTimesTest, AnInstantBehindEverythingShowsTheLastFrame) {
  const Reel& reel = made_reel("h264_b");
  const auto summary = write_clip(path_, reel, kReelBegin + 1h);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->shown, 40ms);
  EXPECT_EQ(shown_frames(path_).size(), 1U);
}

TEST_F(Mp4WriterTimesTest, AnInstantBeforeEverythingShowsAll) {
  const Reel& reel = made_reel("h264_b");
  const auto summary = write_clip(path_, reel, kReelBegin - 1h);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->lead, 0us);
  EXPECT_EQ(shown_frames(path_), frames_of(reel));
}

TEST_F(Mp4WriterTimesTest, RepairsTimestampsThatDoNotGrow) {
  Reel reel = made_reel("h264_aac");
  auto packets = reel.video();
  packets[10].dts = packets[10].pts = packets[9].dts;
  packets[20].dts = packets[20].pts = packets[15].dts;
  packets[30].dts = packets[30].pts = kReelBegin - 10s;
  reel.packets = packets;
  auto writer = Mp4Writer::create(path_, reel.info, kReelBegin, {});
  ASSERT_TRUE(writer);
  for (const Packet& packet : reel.packets) ASSERT_TRUE((*writer)->write(packet));
  EXPECT_EQ((*writer)->repaired_timestamps(), 3U);
  const auto summary = (*writer)->close();
  ASSERT_TRUE(summary);
  expect_whole(path_, reel, *summary);
  const auto stored = stored_packets(path_);
  for (size_t i = 1; i < stored.size(); ++i) EXPECT_GT(stored[i].dts_us, stored[i - 1].dts_us);
}

TEST_F(Mp4WriterTimesTest, DoesNotDriftInADay) {
  const Reel& reel = made_reel("h264_b");
  Mp4Options options;
  options.audio = false;
  options.fragment = 60s;
  auto writer = Mp4Writer::create(path_, reel.info, kReelBegin, options);
  ASSERT_TRUE(writer);
  constexpr double kSlow = 1.0001;  // 100 ppm
  constexpr int64_t kFrames = 24 * 3600;
  Packet packet = frame(reel, 0us, true);
  packet.data = Payload::copy_of(std::vector<uint8_t>{0, 0, 0, 1, 9});
  for (int64_t i = 0; i < kFrames; ++i) {
    packet.pts = packet.dts = kReelBegin + microseconds(std::llround(static_cast<double>(i) * 1e6 * kSlow));
    packet.keyframe = i % 10 == 0;
    ASSERT_TRUE((*writer)->write(packet));
  }
  const auto summary = (*writer)->close();
  ASSERT_TRUE(summary) << summary.error().message;
  const double expected = static_cast<double>(kFrames) * kSlow;
  EXPECT_NEAR(static_cast<double>(summary->shown.count()) / 1e6, expected, 0.001);
  EXPECT_NEAR(std::stod(ffprobe(path_, "format=duration")), expected, 0.001);
}

}  // namespace
}  // namespace vedette
