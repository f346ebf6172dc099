// Codecs, sound and containers.

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/file.h"
#include "core/sha256.h"
#include "tests/storage/recorder_rig.h"
#include "tests/support/process.h"
#include "tests/support/small_disk.h"

namespace vedette::test {
namespace {

// Frames before and behind the end in decoding order: what is left out must not be needed by what is in.
TEST_F(ClipRecorderTest, BFramesAreRightToTheFrameToo) {
  push_film(Footage::h264_bframes_aac);
  record(spec(begin + 4s, begin + 9s));
  const Clip clip = reports.clips().at(0);
  EXPECT_NEAR(shown_frames(file_of(clip)), 125, 1);
  EXPECT_NEAR(static_cast<double>(*duration_ms(clip)), 5000, 40);
  EXPECT_EQ(clip.audio, "aac");
  EXPECT_NEAR(static_cast<double>(shown_length(file_of(clip)).count()), 5000, 80);
}

// The sum of what ffprobe says of the packets of sound, and their codec.
std::pair<std::string, double> sound_in(const std::filesystem::path& file) {
  const std::string out = run_or_throw({"ffprobe", "-v", "error", "-select_streams", "a", "-show_entries",
                                        "stream=codec_name:packet=duration_time", "-of", "csv=p=0", file.string()});
  std::istringstream lines(out);
  double length = 0;
  std::string codec;
  for (std::string line; std::getline(lines, line);)
    if (line.find_first_not_of("0123456789.,") == std::string::npos)
      length += std::strtod(line.c_str(), nullptr);
    else
      codec = line;
  return {codec, length};
}

// G.711 of both laws, real or as real.
struct G711Test : ClipRecorderTest, testing::WithParamInterface<Footage> {
  Clip record_with(AudioPolicy policy) {
    RecordingSpec wanted = spec(begin + 2s, begin + 8s);
    wanted.audio = policy;
    Reports its;
    ClipRecorder recorder(wanted, ring, context(), its.receiver());
    EXPECT_TRUE(its.wait(RecorderReport::Kind::ended));
    return its.clips().at(0);
  }
};

TEST_P(G711Test, IsMadeAacOrLeftOut) {
  push_film(GetParam());
  const Clip aac = record_with(AudioPolicy::aac), copy = record_with(AudioPolicy::copy);
  EXPECT_EQ(aac.audio, "aac");
  const auto [codec, length] = sound_in(file_of(aac));
  EXPECT_EQ(codec, "aac");
  EXPECT_NEAR(length, 6, 2.5);  // with what lies before the first shown frame
  EXPECT_GE(length, 5.8);
  EXPECT_EQ(shown_frames(file_of(aac)), shown_frames(file_of(copy))) << "the picture is the same";
  EXPECT_GT(shown_frames(file_of(aac)), 0);
  for (const Clip& without : {copy, record_with(AudioPolicy::drop)}) {
    EXPECT_FALSE(without.audio);
    EXPECT_EQ(sound_in(file_of(without)).first, "");
  }
}

INSTANTIATE_TEST_SUITE_P(Laws, G711Test, testing::Values(Footage::h264_pcmu, Footage::h265_pcma));

// Sound that ends, comes again, and comes from far away: the picture is not touched by it.
TEST_F(ClipRecorderTest, AudioThatVanishesAndComesLateNeverEndsARecording) {
  push_film(Footage::h264_pcmu, [this](Packet& packet) {
    if (packet.video()) return true;
    const microseconds at = packet.pts - begin;
    if (at > 9s) packet.pts = packet.dts = packet.pts + std::chrono::hours(13);  // a counter that wrapped, say
    return at > 2s && !(at > 4s && at < 6s);
  });
  RecordingSpec wanted = spec(begin + 1s, begin + 12s);
  wanted.audio = AudioPolicy::aac;
  EXPECT_EQ(record(wanted).error.message, "");
  const auto clips = reports.clips();
  ASSERT_EQ(clips.size(), 1u);
  EXPECT_EQ(clips[0].audio, "aac");
  EXPECT_TRUE(clips[0].gaps.empty());
  EXPECT_NEAR(static_cast<double>(*duration_ms(clips[0])), 11000, 100);
  EXPECT_NEAR(shown_frames(file_of(clips[0])), 165, 4);
  EXPECT_NEAR(sound_in(file_of(clips[0])).second, 5, 2.5);
}

// Nothing can be hidden in such a file, so that what lies before the wanted instant is part of it.
TEST_F(ClipRecorderTest, AClipInAnotherContainerIsShownFromItsKeyframe) {
  Pattern camera(begin);
  push(camera.until(begin + 40s));
  for (const Container container : {Container::ts, Container::flv}) {
    RecordingSpec wanted = spec(begin + 10s + 480ms, begin + 25s + 480ms);
    wanted.container = container;
    Reports mine;
    ClipRecorder recorder(wanted, ring, context(), mine.receiver());
    ASSERT_TRUE(mine.wait(RecorderReport::Kind::ended));
    ASSERT_EQ(mine.clips().size(), 1u);
    const Clip clip = mine.clips()[0];
    const std::string extension = "." + std::string(container_name(container));
    EXPECT_EQ(clip.container, container);
    EXPECT_EQ(file_of(clip).extension(), extension);
    EXPECT_EQ(shown_frames(file_of(clip)), 25 * 15 + 12);
    EXPECT_EQ(duration_ms(clip), 15'480);
    EXPECT_NEAR(static_cast<double>(shown_length(file_of(clip)).count()), 15'480, 40);
    EXPECT_EQ(clip.lead_actual_ms, 480);
    EXPECT_LT(std::chrono::abs(clip.start - clock.to_utc(begin + 10s)), 50ms);
    EXPECT_LT(std::chrono::abs(MonoTime(microseconds(clip.mono_start_us)) - (begin + 10s)), 1ms);
    std::vector<int64_t> expected(25 * 15 + 12);
    std::iota(expected.begin(), expected.end(), 250);
    EXPECT_EQ(numbers_in(file_of(clip)), expected);
    EXPECT_EQ(sha256_hex(read_text(file_of(clip))), clip.sha256);
    EXPECT_EQ(static_cast<int64_t>(std::filesystem::file_size(file_of(clip))), clip.size_bytes);
    EXPECT_EQ(store.number("SELECT count(*) FROM upload WHERE kind = 'clip' AND object_key LIKE '%" + clip.clip_id +
                           extension + "' AND content_type = '" + std::string(media_type(container)) + "'"),
              1);
    const auto held = store.catalog->hold("front", clip.start, *clip.end, 10);
    EXPECT_TRUE(held->clips.empty()) << "no clip is made of it";
    ASSERT_GE(held->unreadable.size(), 1u);
    EXPECT_EQ(held->unreadable[0].reason, "other_container");
  }
  EXPECT_EQ(files().size(), 2u) << "nothing is left of the MP4s";
  EXPECT_EQ(Json::parse(store.events("clip.ready").at(0).data).at("container"), "ts");
}

// The camera was not known when it was asked for, say.
TEST_F(ClipRecorderTest, WhatDoesNotGoIntoTheContainerIsAnMp4) {
  push_film(Footage::h265_pcma);
  RecordingSpec wanted = spec(begin + 1s, begin + 9s);
  wanted.container = Container::flv;
  EXPECT_EQ(record(wanted).error.message, "");
  ASSERT_EQ(reports.clips().size(), 1u);
  const Clip clip = reports.clips()[0];
  EXPECT_EQ(clip.container, Container::mp4);
  EXPECT_EQ(file_of(clip).extension(), ".mp4");
  EXPECT_EQ(duration_ms(clip), 8000);
  EXPECT_GT(shown_frames(file_of(clip)), 0);
  const StreamInfo g711{VideoTrack{}, AudioTrack{AudioCodec::pcmu, 8000, 1, {}}};
  EXPECT_EQ(why_not_in(Container::flv, AudioPolicy::aac, g711), "");
  EXPECT_EQ(why_not_in(Container::flv, AudioPolicy::copy, g711), "") << "it is left out anyway";
  const StreamInfo opus{VideoTrack{}, AudioTrack{AudioCodec::opus, 48000, 1, {}}};
  EXPECT_NE(why_not_in(Container::ts, AudioPolicy::copy, opus), "");
  EXPECT_EQ(why_not_in(Container::ts, AudioPolicy::drop, opus), "");
}

TEST_F(ClipRecorderTest, SoundThatIsMadeAacGoesIntoATransportStream) {
  push_film(Footage::h265_pcma);
  RecordingSpec wanted = spec(begin, begin + 9s);
  wanted.container = Container::ts;
  wanted.audio = AudioPolicy::aac;
  EXPECT_EQ(record(wanted).error.message, "");
  ASSERT_EQ(reports.clips().size(), 1u);
  const Clip clip = reports.clips()[0];
  EXPECT_EQ(clip.container, Container::ts);
  EXPECT_EQ(clip.audio, "aac");
  EXPECT_EQ(clip.codec, "h265");
  EXPECT_EQ(shown_frames(file_of(clip)), 9 * 20);
  const auto streams = run_or_throw(
      {"ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", file_of(clip).string()});
  EXPECT_NE(streams.find("hevc"), std::string::npos);
  EXPECT_NE(streams.find("aac"), std::string::npos);
}

// It needs the room of both for a moment. The video is worth more than the container.
TEST_F(ClipRecorderTest, WithoutRoomForAnotherContainerItStaysAnMp4) {
  const auto clips = store.layout.clips();
  ASSERT_TRUE(file::make_directories(clips));
  if (const auto why = SmallDisk::not_possible(); !why.empty()) GTEST_SKIP() << why;
  const SmallDisk disk(clips, 512);
  Pattern camera(begin);
  push(camera.until(begin + 12s));
  RecordingSpec wanted = spec(begin, begin + 10s);
  wanted.container = Container::ts;
  EXPECT_EQ(record(wanted).error.message, "");
  const auto made = reports.clips();
  EXPECT_EQ(made.size(), 1u);
  for (const Clip& clip : made) {
    EXPECT_EQ(clip.container, Container::mp4);
    EXPECT_EQ(shown_frames(file_of(clip)), 10 * 25);
    EXPECT_EQ(sha256_hex(read_text(file_of(clip))), clip.sha256);
    EXPECT_GT(clip.size_bytes, 256 * 1024) << "there would have been room";
  }
  EXPECT_EQ(files().size(), 1u);
  EXPECT_EQ(store.losses->count().value(), 0);
}

}  // namespace
}  // namespace vedette::test
