// A camera that sends another codec, or other sound, on the same PID of its transport stream.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "media/demuxer.h"
#include "media/mp4_writer.h"
#include "tests/media/mp4_support.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

const std::stop_token kNoStop;

MonoTime in(microseconds time) {
  return Clock::system().mono() + time;
}

// Two seconds of 15 frames each, one stream behind the other, as a camera sends them that was set up anew.
class CodecChangeTest : public testing::Test {
 protected:
  static std::vector<std::string> h264() { return {"-c:v", "libx264", "-preset", "veryfast", "-g", "15", "-bf", "0"}; }
  static std::vector<std::string> h265() {
    return {"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:keyint=15:log-level=error"};
  }
  static std::vector<std::string> sound(const std::string& codec, const std::string& rate,
                                        const std::string& channels) {
    return {"-c:a", codec, "-ar", rate, "-ac", channels};
  }

  std::string part(const std::vector<std::string>& video, const std::vector<std::string>& audio = {}) {
    const std::string path = dir_.path() / "part.ts";
    std::vector<std::string> argv{"ffmpeg", "-nostdin", "-v", "error", "-y"};
    argv.insert(argv.end(), {"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15:duration=2"});
    if (!audio.empty()) argv.insert(argv.end(), {"-f", "lavfi", "-i", "sine=duration=2"});
    argv.insert(argv.end(), video.begin(), video.end());
    argv.insert(argv.end(), audio.begin(), audio.end());
    argv.insert(argv.end(), {"-output_ts_offset", std::to_string(2 * parts_++), "-f", "mpegts", path});
    test::run_or_throw(argv);
    return test::read_text(path);
  }

  // All that comes of these bytes, and how it ends.
  Error read_live(const std::string& bytes) {
    size_t at = 0;
    const auto reader = [&](std::span<uint8_t> into, MonoTime, const std::stop_token&) -> Result<size_t> {
      const size_t n = std::min(into.size(), bytes.size() - at);
      std::memcpy(into.data(), bytes.data() + at, n);
      at += n;
      return n;
    };
    const auto demuxer = Demuxer::open(reader, "mpegts", {}, kNoStop);
    EXPECT_TRUE(demuxer) << demuxer.error().message;
    return demuxer ? take_all(**demuxer) : Error{};
  }
  // Of a file, without an error.
  void read_file(const std::string& bytes) {
    const std::string path = dir_.path() / "all.ts";
    test::write_text(path, bytes);
    const auto demuxer = Demuxer::open(path, {.live = false}, kNoStop);
    ASSERT_TRUE(demuxer) << demuxer.error().message;
    EXPECT_EQ(take_all(**demuxer).message, "");
  }
  Error take_all(Demuxer& demuxer) {
    while (true) {
      auto packet = demuxer.read(in(30s), kNoStop);
      if (!packet) return packet.error();
      if (!*packet) return {};
      packets_.push_back(std::move(**packet));
    }
  }

  size_t count(Track track) const {
    return static_cast<size_t>(
        std::count_if(packets_.begin(), packets_.end(), [track](const DemuxedPacket& p) { return p.track == track; }));
  }

  // A clip of each stream, which ffmpeg must find nothing wrong with; what they hold.
  std::vector<StreamInfo> expect_whole_clips() {
    std::vector<StreamInfo> infos;
    std::map<StreamInfoPtr, test::Reel> reels;
    for (const DemuxedPacket& from : packets_) {
      if (!reels.count(from.info)) {
        EXPECT_TRUE(from.track == Track::audio || from.keyframe);
        infos.push_back(*from.info);
      }
      Packet packet;
      packet.data = from.data;
      packet.info = from.info;
      packet.track = from.track;
      packet.keyframe = from.keyframe;
      packet.pts = test::kReelBegin + from.pts;
      packet.dts = test::kReelBegin + from.dts;
      packet.duration = from.duration;
      reels[from.info].info = from.info;
      reels[from.info].packets.push_back(std::move(packet));
    }
    for (const auto& [info, reel] : reels) {
      const auto path = dir_.path() / "clip.mp4";
      std::filesystem::remove(path);
      const auto written = test::write_clip(path, reel, reel.packets.front().pts);
      EXPECT_TRUE(written) << written.error().message;
      EXPECT_TRUE(test::decodes_cleanly(path)) << codec_name(info->video.codec);
    }
    return infos;
  }

  // libavformat would time its frames by the rate of the first.
  void expect_gapless_sound(const StreamInfo& of) const {
    std::vector<microseconds> times;
    for (const DemuxedPacket& p : packets_)
      if (p.track == Track::audio && p.info->audio == of.audio) times.push_back(p.pts);
    ASSERT_GT(times.size(), 35u) << "from a keyframe on, which comes every second";
    const microseconds step = (times.back() - times.front()) / static_cast<int64_t>(times.size() - 1);
    EXPECT_NEAR(static_cast<double>(step.count()), 1024e6 / of.audio->sample_rate_hz, 3000) << "MP3: 1152 of 48,000";
    for (size_t i = 1; i < times.size(); ++i)
      EXPECT_NEAR(static_cast<double>((times[i] - times[i - 1]).count()), static_cast<double>(step.count()), 2500) << i;
  }

  test::TempDir dir_;
  int parts_ = 0;
  std::vector<DemuxedPacket> packets_;
};

TEST_F(CodecChangeTest, AnotherVideoCodecEndsTheSessionAndIsNeverTakenForTheFirst) {
  for (const bool to_h265 : {true, false}) {
    packets_.clear();
    const std::string first = part(to_h265 ? h264() : h265());
    const Error end = read_live(first + part(to_h265 ? h265() : h264()));
    EXPECT_EQ(end.code, Code::camera_unavailable);
    EXPECT_NE(end.message.find("changed its codec"), std::string::npos) << end.message;
    EXPECT_EQ(count(Track::video), 30u);
    EXPECT_EQ(expect_whole_clips().size(), 1u);
  }
}

TEST_F(CodecChangeTest, OfAFileWhatIsOfAnotherCodecIsLeftOut) {
  const std::string first = part(h264());
  const std::string second = part(h265());
  read_file(first + second + part(h264()));
  EXPECT_EQ(count(Track::video), 60u);
  expect_whole_clips();
}

TEST_F(CodecChangeTest, SoundOfAnotherCodecIsLeftOutUntilTheFirstIsBack) {
  const auto aac = sound("aac", "16000", "1");
  const std::string first = part(h264(), aac);
  const std::string second = part(h264(), sound("mp2", "16000", "1"));
  read_live(first + second + part(h264(), aac));
  EXPECT_EQ(count(Track::video), 90u);
  EXPECT_GT(count(Track::audio), 50u);
  EXPECT_LT(count(Track::audio), 70u);
  const auto infos = expect_whole_clips();
  EXPECT_EQ(infos.size(), 1u);
}

// Of recordings that were put together, each with times of its own.
TEST_F(CodecChangeTest, SoundThatIsBackInAFileIsInStepWithThePicture) {
  std::string all;
  for (const char* codec : {"aac", "mp2", "aac"}) {
    parts_ = 0;
    all += part(h264(), sound(codec, "16000", "1"));
  }
  read_file(all);
  const auto last = [&](Track track) {
    const auto of_track = [track](const DemuxedPacket& p) { return p.track == track; };
    return std::find_if(packets_.rbegin(), packets_.rend(), of_track)->pts;
  };
  EXPECT_GT(count(Track::audio), 50u);
  EXPECT_NEAR(static_cast<double>(last(Track::audio).count()), static_cast<double>(last(Track::video).count()), 300e3);
}

TEST_F(CodecChangeTest, AnotherRateOrNumberOfChannelsIsAnotherStream) {
  for (const char* codec : {"aac", "libmp3lame"}) {
    SCOPED_TRACE(codec);
    packets_.clear();
    const std::string first = part(h264(), sound(codec, "16000", "1"));
    read_live(first + part(h264(), sound(codec, "48000", "2")));
    const auto infos = expect_whole_clips();
    ASSERT_EQ(infos.size(), 2u);
    EXPECT_EQ(infos[0].audio->sample_rate_hz, 16000);
    EXPECT_EQ(infos[0].audio->channels, 1);
    EXPECT_EQ(infos[1].audio->sample_rate_hz, 48000);
    EXPECT_EQ(infos[1].audio->channels, 2);
    EXPECT_FALSE(infos[0].compatible(infos[1]));
    EXPECT_EQ(count(Track::video), 60u);
    expect_gapless_sound(infos[1]);
  }
}

}  // namespace
}  // namespace vedette
