#include "media/mp4_reader.h"

#include <gtest/gtest.h>

#include <map>

#include "media/mp4_tracks.h"
#include "tests/media/mp4_support.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {
namespace {

constexpr MonoTime kShownFrom{900'000s};

struct Mp4ReaderTest : testing::Test {
  TempDir dir;
  const std::filesystem::path file = dir.path() / "clip.mp4";

  static std::vector<Packet> all(Mp4Reader& reader) {
    std::vector<Packet> out;
    for (;;) {
      const auto more = reader.read(out);
      EXPECT_TRUE(more) << more.error().message;
      if (!more || !*more) return out;
    }
  }
  std::unique_ptr<Mp4Reader> open() const {
    auto reader = Mp4Reader::open(file, kShownFrom);
    EXPECT_TRUE(reader) << reader.error().message;
    return std::move(*reader);
  }
  // What is in the file, as libavformat finds it in the plain one.
  void expect_stored(const std::vector<Packet>& packets) const {
    std::vector<StoredPacket> video, audio;
    for (StoredPacket& p : stored_packets(file)) (p.track == Track::video ? video : audio).push_back(std::move(p));
    size_t v = 0, a = 0;
    std::map<Track, MonoTime> last;
    for (const Packet& packet : packets) {
      EXPECT_GE(packet.dts, last[packet.track]);
      last[packet.track] = packet.dts;
      ASSERT_LT(packet.video() ? v : a, (packet.video() ? video : audio).size());
      const StoredPacket& stored = packet.video() ? video[v++] : audio[a++];
      EXPECT_EQ(packet.video() && packet.keyframe, packet.video() && stored.keyframe);
      EXPECT_TRUE(
          std::equal(packet.payload().begin(), packet.payload().end(), stored.payload.begin(), stored.payload.end()));
    }
    EXPECT_EQ(v, video.size());
    EXPECT_EQ(a, audio.size());
  }
};

TEST_F(Mp4ReaderTest, GivesBackWhatWasWrittenOfEveryCodec) {
  for (const char* name : {"h264_aac", "h264_b", "h264_ts", "h265", "h265_ts", "vfr", "mpeg4", "mjpeg", "pcmu"}) {
    SCOPED_TRACE(name);
    const Reel& reel = made_reel(name);
    std::filesystem::remove(file);
    const MonoTime show_from = kReelBegin + 700ms;
    ASSERT_TRUE(write_clip(file, reel, show_from));
    const auto reader = open();
    const auto packets = all(*reader);
    expect_stored(packets);
    EXPECT_TRUE(reader->info()->compatible(*packets.front().info));
    EXPECT_EQ(reader->info()->video.codec, reel.info->video.codec);
    EXPECT_GT(reader->info()->video.fps, 0);
    // The times, moved as the instant to show from is.
    const auto video = reel.video();
    size_t i = 0;
    for (const Packet& packet : packets) {
      if (!packet.video()) continue;
      const Packet& original = video.at(i++);
      EXPECT_LE(std::chrono::abs((packet.pts - kShownFrom) - (original.pts - show_from)), 12us) << i;
      EXPECT_LE(std::chrono::abs((packet.dts - kShownFrom) - (original.dts - show_from)), 12us) << i;
    }
  }
}

// The camera gives start codes, the file lengths; both describe the same file.
TEST_F(Mp4ReaderTest, WhatIsReadGoesTogetherWithWhatTheCameraSends) {
  for (const char* name : {"h264_ts", "h265_ts", "h264_aac", "h264_b", "mpeg4"}) {
    SCOPED_TRACE(name);
    const Reel& reel = made_reel(name);
    std::filesystem::remove(file);
    ASSERT_TRUE(write_clip(file, reel, kReelBegin));
    const auto reader = open();
    EXPECT_TRUE(reader->info()->compatible(*reel.info));
    EXPECT_TRUE(reel.info->compatible(*reader->info()));
    StreamInfo smaller = *reel.info;
    smaller.video.width_px /= 2;
    EXPECT_FALSE(reader->info()->compatible(smaller));
  }
  EXPECT_FALSE(made_reel("h264_b").info->compatible(*made_reel("h264_ts").info));
}

TEST_F(Mp4ReaderTest, SeeksToTheKeyframeAtOrBefore) {
  const Reel& reel = made_reel("h264_b");
  ASSERT_TRUE(write_clip(file, reel, kReelBegin));
  const auto reader = open();
  std::vector<Packet> keyframes;
  for (const Packet& packet : all(*reader))
    if (packet.video_keyframe()) keyframes.push_back(packet);
  ASSERT_GE(keyframes.size(), 3u);
  const auto first_after = [&](MonoTime t) {
    EXPECT_TRUE(reader->seek(t));
    std::vector<Packet> out;
    while (out.empty())
      if (const auto more = reader->read(out); !more || !*more) break;
    return out.at(0);
  };
  for (const Packet& keyframe : keyframes) {
    EXPECT_EQ(first_after(keyframe.pts).dts, keyframe.dts);
    EXPECT_EQ(first_after(keyframe.pts + 1ms).dts, keyframe.dts);
  }
  EXPECT_EQ(first_after(keyframes[1].pts - 1ms).dts, keyframes[0].dts);
  EXPECT_EQ(first_after(keyframes[0].pts - 100s).dts, keyframes[0].dts);
  EXPECT_EQ(first_after(keyframes[0].pts + 10000s).dts, keyframes.back().dts);
}

TEST_F(Mp4ReaderTest, ReadsAFileThatIsStillWritten) {
  const Reel& reel = made_reel("h264_aac");
  write_part(file, reel, kReelBegin);
  const auto reader = open();
  const auto packets = all(*reader);
  EXPECT_GT(packets.size(), reel.packets.size() / 2);
  ASSERT_TRUE(mp4_finalize(file));
  expect_stored(packets);
  // What is open stays readable when the file is closed and gone.
  const auto again = open();
  std::filesystem::remove(file);
  EXPECT_EQ(all(*again).size(), packets.size());
}

TEST_F(Mp4ReaderTest, RefusesWhatIsNoClip) {
  EXPECT_EQ(Mp4Reader::open(file, kShownFrom).error().code, Code::not_found);
  write_text(file, "this is no clip");
  EXPECT_EQ(Mp4Reader::open(file, kShownFrom).error().code, Code::invalid_argument);
}

// Every byte of the headers turned over, one at a time: errors, never worse.
TEST_F(Mp4ReaderTest, SurvivesDamage) {
  ASSERT_TRUE(write_clip(file, made_reel("h264_b"), kReelBegin));
  const std::string whole = read_text(file);
  const auto damaged = dir.path() / "damaged.mp4";
  int read_on = 0;
  for (size_t at = 0; at < whole.size(); at += 1 + at / 64) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(~bytes[at]);
    write_text(damaged, bytes);
    const auto reader = Mp4Reader::open(damaged, kShownFrom);
    if (!reader) continue;
    ++read_on;
    std::vector<Packet> out;
    if (!(*reader)->seek(kShownFrom + 1s)) continue;
    while (out.size() < 10'000)
      if (const auto more = (*reader)->read(out); !more || !*more) break;
  }
  EXPECT_GT(read_on, 0);
}

}  // namespace
}  // namespace vedette::test
