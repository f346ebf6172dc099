#include "media/mp4_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "media/nal.h"
#include "tests/media/mp4_writer_fixture.h"

namespace vedette {
namespace {

using namespace test;
using testing::HasSubstr;

// The video packets of the file are those of the reel, in order, with their times.
void expect_same_video(const std::filesystem::path& path, const Reel& reel) {
  std::vector<StoredPacket> stored = stored_packets(path);
  std::erase_if(stored, [](const StoredPacket& packet) { return packet.track != Track::video; });
  const auto packets = reel.video();
  ASSERT_EQ(stored.size(), packets.size());
  constexpr int64_t kRounding = 12;  // a tick of 90 kHz and a microsecond
  const auto to_file = [&](MonoTime t) { return (t - packets[0].dts).count() + stored[0].dts_us; };
  for (size_t i = 0; i < packets.size(); ++i) {
    EXPECT_EQ(stored[i].keyframe, packets[i].keyframe) << i;
    ASSERT_NEAR(stored[i].dts_us, to_file(packets[i].dts), kRounding) << i;
    ASSERT_NEAR(stored[i].pts_us, to_file(packets[i].pts), kRounding) << i;
    const auto payload = packets[i].payload();
    if (!nal::begins_with_start_code(payload)) {
      ASSERT_TRUE(std::equal(payload.begin(), payload.end(), stored[i].payload.begin(), stored[i].payload.end())) << i;
    }
  }
}

class Mp4WriterKindTest : public Mp4WriterTest, public testing::WithParamInterface<const char*> {};

TEST_P(Mp4WriterKindTest, KeepsEveryPacketAndPicture) {
  const Reel& reel = made_reel(GetParam());
  const auto summary = write_clip(path_, reel, reel.packets.front().pts);
  ASSERT_TRUE(summary) << summary.error().message;
  expect_whole(path_, reel, *summary);
  expect_same_video(path_, reel);
  EXPECT_EQ(shown_frames(path_), frames_of(reel));
  EXPECT_EQ(summary->lead, 0us);
  EXPECT_NEAR(static_cast<double>(summary->shown.count()), 6e6, 150'000);
}

INSTANTIATE_TEST_SUITE_P(Made, Mp4WriterKindTest,
                         testing::Values("h264_aac", "h264_b", "h264_ts", "h265", "h265_ts", "vfr", "mpeg4", "mjpeg",
                                         "pcmu"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(Mp4WriterKindTest, ShowsFromTheInstantToTheFrame) {
  const Reel& reel = made_reel(GetParam());
  const auto packets = reel.video();
  // At a frame, and a little before and after one.
  for (const auto& [number, offset] : {std::pair{0UL, 0us}, {1UL, 0us}, {37UL, 0us}, {60UL, -7ms}, {61UL, 7ms}}) {
    const auto path = dir_.path() / ("from" + std::to_string(number));
    const MonoTime instant = packets[number].pts + offset;
    const auto summary = write_clip(path, reel, instant);
    ASSERT_TRUE(summary) << summary.error().message;
    EXPECT_EQ(shown_frames(path), frames_from(reel, instant)) << number;
    // Up to the first frame due at or after the instant.
    MonoTime first = packets.back().pts;
    for (const Packet& packet : packets)
      if (packet.pts >= instant) first = std::min(first, packet.pts);
    EXPECT_NEAR(static_cast<double>(summary->lead.count()), static_cast<double>((first - packets[0].pts).count()), 12);
    const double seconds = std::stod(ffprobe(path, "stream=duration", "v"));
    EXPECT_NEAR(seconds, static_cast<double>(summary->shown.count()) / 1e6, 1e-4);
  }
}

TEST_P(Mp4WriterKindTest, ShowsUntilTheInstantToTheFrame) {
  const Reel& reel = made_reel(GetParam());
  const auto packets = reel.video();
  const MonoTime from = packets.front().pts;
  for (const size_t number : {70UL, 71UL, 72UL, 73UL, 74UL}) {
    const auto path = dir_.path() / ("until" + std::to_string(number));
    const MonoTime instant = packets[number].pts;
    const auto summary = write_clip(path, reel, from, {}, instant);
    ASSERT_TRUE(summary) << summary.error().message;
    auto wanted = frames_of(reel);
    wanted.resize(wanted.size() - frames_from(reel, instant).size());
    EXPECT_EQ(shown_frames(path), wanted) << number;
    EXPECT_NEAR(static_cast<double>(summary->shown.count()), static_cast<double>((instant - from).count()), 12);
    EXPECT_EQ(summary->video_frames, packets.size());
  }
}

TEST_F(Mp4WriterTest, TheSoundEndsWithThePicture) {
  const Reel& reel = made_reel("h264_aac");
  const MonoTime from = reel.packets.front().pts;
  ASSERT_TRUE(write_clip(path_, reel, from, {}, from + 2s));
  EXPECT_NEAR(std::stod(ffprobe(path_, "stream=duration", "v")), 2, 0.001);
  EXPECT_NEAR(std::stod(ffprobe(path_, "stream=duration", "a")), 2, 0.001);
}

TEST_F(Mp4WriterTest, AnEndBehindEverythingShowsAll) {
  const Reel& reel = made_reel("h264_b");
  ASSERT_TRUE(write_clip(path_, reel, kReelBegin, {}, kReelBegin + 1h));
  EXPECT_EQ(shown_frames(path_), frames_of(reel));
}

class Mp4WriterRealTest : public Mp4WriterTest, public testing::WithParamInterface<std::filesystem::path> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Mp4WriterRealTest);

TEST_P(Mp4WriterRealTest, KeepsEveryPacketAndPicture) {
  const Reel reel = read_reel(GetParam());
  const MonoTime instant = reel.video()[20].pts;
  const auto summary = write_clip(path_, reel, instant);
  ASSERT_TRUE(summary) << summary.error().message;
  expect_whole(path_, reel, *summary);
  expect_same_video(path_, reel);
  EXPECT_EQ(shown_frames(path_), frames_from(reel, instant));
}

INSTANTIATE_TEST_SUITE_P(Real, Mp4WriterRealTest, testing::ValuesIn(real_reels()),
                         [](const auto& path) { return path.param.stem().string(); });

TEST_F(Mp4WriterTest, KeepsEveryAudioPacketInStep) {
  const Reel& reel = made_reel("h264_aac");
  const MonoTime instant = reel.packets.front().pts + 2s;
  const auto summary = write_clip(path_, reel, instant);
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->has_audio);
  std::vector<Packet> audio;
  for (const Packet& packet : reel.packets)
    if (!packet.video() && packet.dts >= reel.packets.front().dts) audio.push_back(packet);
  EXPECT_EQ(summary->audio_frames, audio.size());
  const auto stored = stored_packets(path_);
  const auto first = std::find_if(stored.begin(), stored.end(), [](const auto& p) { return p.track == Track::audio; });
  ASSERT_NE(first, stored.end());
  EXPECT_TRUE(std::equal(first->payload.begin(), first->payload.end(), audio.front().payload().begin()));
  // Both tracks begin at the same instant and last as long.
  const double video_s = std::stod(ffprobe(path_, "stream=duration", "v"));
  const double audio_s = std::stod(ffprobe(path_, "stream=duration", "a"));
  EXPECT_NEAR(video_s, audio_s, 0.15);
  EXPECT_NEAR(std::stod(ffprobe(path_, "stream=start_time", "a")), 0.0, 0.065);
}

TEST_F(Mp4WriterTest, LeavesOutAudioThatMp4CannotHold) {
  const Reel& reel = made_reel("pcmu");
  auto writer = Mp4Writer::create(path_, reel.info, kReelBegin, {});
  ASSERT_TRUE(writer);
  EXPECT_THAT((*writer)->audio_left_out(), HasSubstr("pcmu"));
  for (const Packet& packet : reel.packets) ASSERT_TRUE((*writer)->write(packet));
  const auto summary = (*writer)->close();
  ASSERT_TRUE(summary);
  EXPECT_FALSE(summary->has_audio);
  EXPECT_EQ(ffprobe(path_, "stream=codec_type"), "video");
}

TEST_F(Mp4WriterTest, LeavesOutAudioWhenAsked) {
  Mp4Options options;
  options.audio = false;
  const auto summary = write_clip(path_, made_reel("h264_aac"), kReelBegin, options);
  ASSERT_TRUE(summary);
  EXPECT_EQ(ffprobe(path_, "stream=codec_type"), "video");
}

TEST_F(Mp4WriterTest, TagsHevcForApplePlayers) {
  for (const auto* name : {"h265", "h265_ts"}) {
    const auto path = dir_.path() / name;
    ASSERT_TRUE(write_clip(path, made_reel(name), kReelBegin));
    EXPECT_EQ(ffprobe(path, "stream=codec_tag_string"), "hvc1");
  }
}

TEST_F(Mp4WriterTest, FindsParameterSetsAndSizeInTheFirstKeyframe) {
  for (const auto* name : {"h264_ts", "h265_ts"}) {
    Reel reel = made_reel(name);
    auto bare = std::make_shared<StreamInfo>(*reel.info);
    bare->video.extradata.clear();
    bare->video.width_px = bare->video.height_px = 0;
    reel.info = bare;
    const auto path = dir_.path() / name;
    const auto summary = write_clip(path, reel, kReelBegin);
    ASSERT_TRUE(summary) << summary.error().message;
    expect_whole(path, reel, *summary);
    EXPECT_EQ(ffprobe(path, "stream=width,height", "v"), "320\n240");
  }
}

TEST_F(Mp4WriterTest, TakesAdtsAudioWithoutExtradata) {
  Reel reel = made_reel("h264_ts");
  auto bare = std::make_shared<StreamInfo>(*reel.info);
  bare->audio->extradata.clear();
  reel.info = bare;
  const auto summary = write_clip(path_, reel, kReelBegin);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_TRUE(summary->has_audio);
  EXPECT_TRUE(decodes_cleanly(path_));
}

TEST_F(Mp4WriterTest, BeginsWithAKeyframeOnly) {
  const Reel& reel = made_reel("h264_aac");
  auto writer = Mp4Writer::create(path_, reel.info, kReelBegin, {});
  ASSERT_TRUE(writer);
  const auto status = (*writer)->write(reel.video()[1]);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::invalid_argument);
  EXPECT_TRUE((*writer)->write(reel.packets[0]));
}

TEST_F(Mp4WriterTest, NeverOverwrites) {
  write_bytes(path_, {1, 2, 3});
  const auto writer = Mp4Writer::create(path_, made_reel("h264_b").info, kReelBegin, {});
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, Code::already_exists);
  EXPECT_EQ(bytes_of(path_).size(), 3U);
}

TEST_F(Mp4WriterTest, ClosingWithoutAPacketIsAnError) {
  auto writer = Mp4Writer::create(path_, made_reel("h264_b").info, kReelBegin, {});
  ASSERT_TRUE(writer);
  const auto summary = (*writer)->close();
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, Code::invalid_argument);
}

// What the first clip needed is what is reserved for the second, and a half; and a wrong estimate does no harm.
TEST_F(Mp4WriterTest, ReservesWhatTheLastClipOfTheCameraNeeded) {
  const Reel& reel = made_reel("h264_aac");
  const auto size_with = [&](double index_bytes_per_s) {
    const auto path = path_.string() + std::to_string(index_bytes_per_s) + ".mp4";
    Mp4Options options;
    options.expected = 300s;
    options.index_bytes_per_s = index_bytes_per_s;
    const auto summary = write_clip(path, reel, kReelBegin, options);
    EXPECT_TRUE(summary) << summary.error().message;
    EXPECT_TRUE(decodes_cleanly(path));
    EXPECT_EQ(summary->video_frames, reel.video().size());
    return *summary;
  };
  const Mp4Summary first = size_with(0);
  EXPECT_GT(first.index_bytes, 100);
  IndexEstimate estimate;
  EXPECT_EQ(estimate.bytes_per_s(), 0);
  estimate.learn(first);
  const double needed =
      static_cast<double>(first.index_bytes) / std::chrono::duration<double>(first.lead + first.shown).count();
  EXPECT_NEAR(estimate.bytes_per_s(), 1.5 * needed, 0.01);
  const Mp4Summary second = size_with(estimate.bytes_per_s());
  EXPECT_LT(second.size_bytes, first.size_bytes - 50'000);
  EXPECT_EQ(second.index_bytes, first.index_bytes);
  EXPECT_LE(size_with(0.001).size_bytes, second.size_bytes) << "it outgrew its reserve, and was copied";
}

TEST_F(Mp4WriterTest, SyncsDoNotChangeTheClip) {
  const Reel& reel = made_reel("h264_b");
  auto writer = Mp4Writer::create(path_, reel.info, reel.packets[0].pts, {});
  ASSERT_TRUE(writer);
  for (size_t i = 0; i < reel.packets.size(); ++i) {
    ASSERT_TRUE((*writer)->write(reel.packets[i]));
    if (i % 7 == 0) {
      ASSERT_TRUE((*writer)->sync());
    }
  }
  const auto summary = (*writer)->close();
  ASSERT_TRUE(summary);
  expect_whole(path_, reel, *summary);
  expect_same_video(path_, reel);
  EXPECT_EQ(shown_frames(path_), frames_of(reel));
}

TEST_F(Mp4WriterTest, CutsFragmentsOfAQuarterSecond) {
  const Reel& reel = made_reel("h264_aac");
  write_part(path_, reel, kReelBegin);
  const std::string boxes = top_boxes(path_);
  EXPECT_THAT(boxes, testing::StartsWith("ftyp free moov moof mdat moof mdat"));
  // 25 fps: at the seventh frame.
  const auto fragments = std::count(boxes.begin(), boxes.end(), 'd');
  EXPECT_EQ(fragments, 6 * 25 / 7);
}

TEST_F(Mp4WriterTest, KeepsTheMetadata) {
  Mp4Options options;
  options.metadata = R"({"clip":"0192-x","camera":"Tür","note":"\"quoted\" \\ and more"})";
  const Reel& reel = made_reel("h264_b");
  write_part(path_, reel, kReelBegin, options);
  EXPECT_EQ(mp4_metadata(path_).value(), options.metadata);
  ASSERT_TRUE(mp4_finalize(path_));
  EXPECT_EQ(mp4_metadata(path_).value(), options.metadata);
  EXPECT_EQ(ffprobe(path_, "format_tags=comment"), options.metadata);
}

}  // namespace
}  // namespace vedette
