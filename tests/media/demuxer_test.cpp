#include "media/demuxer.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/media/canned_server.h"
#include "tests/support/media.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

using test::CannedServer;
using test::Footage;
using test::footage;

const std::stop_token kNoStop;
const DemuxerOptions kFile{.live = false};

MonoTime in(microseconds time) {
  return Clock::system().mono() + time;
}

// Everything in a file, and what must hold for any.
struct Contents {
  explicit Contents(const std::string& url) {
    auto demuxer = Demuxer::open(url, kFile, kNoStop);
    EXPECT_TRUE(demuxer) << demuxer.error().message;
    if (!demuxer) return;
    info = (*demuxer)->info();
    while (true) {
      auto packet = (*demuxer)->read(in(30s), kNoStop);
      EXPECT_TRUE(packet) << packet.error().message;
      if (!packet || !*packet) break;
      add(std::move(**packet));
    }
  }
  void add(DemuxedPacket packet) {
    std::vector<DemuxedPacket>& track = packet.track == Track::video ? video : audio;
    EXPECT_TRUE(track.empty() || packet.dts > track.back().dts);
    EXPECT_GE(packet.pts, packet.dts);
    track.push_back(std::move(packet));
  }
  size_t keyframes() const {
    size_t count = 0;
    for (const DemuxedPacket& p : video) count += p.keyframe;
    return count;
  }

  StreamInfoPtr info;
  std::vector<DemuxedPacket> video, audio;
};

TEST(DemuxerTest, ReadsVideoAndSoundOfAFile) {
  const Contents file(footage(Footage::h264_aac_1080p25));
  EXPECT_EQ(file.info->video.codec, VideoCodec::h264);
  EXPECT_EQ(file.info->video.width_px, 1920);
  EXPECT_EQ(file.info->video.height_px, 1080);
  EXPECT_NEAR(file.info->video.fps, 25, 0.01);
  EXPECT_FALSE(file.info->video.extradata.empty());
  ASSERT_TRUE(file.info->audio);
  EXPECT_EQ(file.info->audio->codec, AudioCodec::aac);
  EXPECT_EQ(file.info->audio->sample_rate_hz, 16000);
  EXPECT_EQ(file.video.size(), 300u);
  EXPECT_EQ(file.keyframes(), 6u);
  EXPECT_GT(file.audio.size(), 180u);
}

TEST(DemuxerTest, FileUrlsAreDecoded) {
  const test::TempDir dir;
  const auto path = dir.path() / "a b:c.mp4";
  std::filesystem::copy_file(footage(Footage::h264_no_audio), path);
  EXPECT_GT(Contents("file://" + dir.path().string() + "/a%20b%3Ac.mp4").video.size(), 100u);
  EXPECT_GT(Contents(path).video.size(), 100u);
}

TEST(DemuxerTest, BFramesKeepTheirTimes) {
  const Contents file(footage(Footage::h264_bframes_aac));
  EXPECT_EQ(file.info->video.reorder_frames, 2);
  std::vector<microseconds> shown;
  for (const DemuxedPacket& p : file.video) shown.push_back(p.pts);
  std::sort(shown.begin(), shown.end());
  for (size_t i = 1; i < shown.size(); ++i) EXPECT_NEAR((shown[i] - shown[i - 1]).count(), 40'000, 2);
}

TEST(DemuxerTest, EveryCodecOfTheContractIsRead) {
  EXPECT_EQ(Contents(footage(Footage::h265_pcma)).info->video.codec, VideoCodec::h265);
  EXPECT_EQ(Contents(footage(Footage::h265_pcma)).info->audio->codec, AudioCodec::pcma);
  EXPECT_EQ(Contents(footage(Footage::h264_pcmu)).info->audio->codec, AudioCodec::pcmu);
  EXPECT_EQ(Contents(footage(Footage::mpeg4_aac)).info->video.codec, VideoCodec::mpeg4);
  const Contents mjpeg(footage(Footage::mjpeg));
  EXPECT_EQ(mjpeg.info->video.codec, VideoCodec::mjpeg);
  EXPECT_EQ(mjpeg.keyframes(), mjpeg.video.size());
  EXPECT_FALSE(mjpeg.info->audio);
}

TEST(DemuxerTest, RealFootageIsReadToItsEnd) {
  for (const auto& path : test::real_footage()) {
    const Contents file(path);
    EXPECT_GT(file.video.size(), 70u) << path;
    EXPECT_TRUE(file.video.front().keyframe) << path;
  }
}

class SizeChangeTest : public testing::TestWithParam<bool> {};

TEST_P(SizeChangeTest, NewParameterSetsAreANewStreamInfo) {
  const Contents file(GetParam() ? footage(Footage::h264_size_change)
                                 : test::generated_footage(Footage::h264_size_change));
  EXPECT_EQ(file.info->video.width_px, 640);
  std::vector<StreamInfoPtr> infos;
  for (const DemuxedPacket& p : file.video) {
    if (!infos.empty() && p.info == infos.back()) continue;
    EXPECT_TRUE(p.keyframe);
    infos.push_back(p.info);
  }
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_EQ(infos[0], file.info);
  EXPECT_EQ(infos[1]->video.width_px, 1280);
  EXPECT_EQ(infos[1]->video.height_px, 720);
  EXPECT_NE(infos[1]->video.extradata, infos[0]->video.extradata);
  EXPECT_FALSE(infos[0]->compatible(*infos[1]));
}

INSTANTIATE_TEST_SUITE_P(RealAndGenerated, SizeChangeTest, testing::Bool());

TEST(DemuxerTest, MissingFileIsNotFound) {
  const auto demuxer = Demuxer::open("file:///no/such.mp4", kFile, kNoStop);
  ASSERT_FALSE(demuxer);
  EXPECT_EQ(demuxer.error().code, Code::not_found);
}

TEST(DemuxerTest, FileWithoutVideoIsUnsupported) {
  const test::TempDir dir;
  test::write_text(dir.path() / "text.mp4", "this is no video\n");
  test::run_or_throw({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", dir.path() / "sound.wav"});
  for (const char* name : {"text.mp4", "sound.wav"}) {
    const auto demuxer = Demuxer::open(dir.path() / name, kFile, kNoStop);
    ASSERT_FALSE(demuxer) << name;
    EXPECT_EQ(demuxer.error().code, Code::unsupported) << name;
  }
}

TEST(DemuxerTest, CodecWithoutNameInTheContractIsUnsupported) {
  const test::TempDir dir;
  const auto path = dir.path() / "a.avi";
  test::run_or_throw({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=1", "-c:v", "huffyuv", path});
  const auto demuxer = Demuxer::open(path, kFile, kNoStop);
  ASSERT_FALSE(demuxer);
  EXPECT_EQ(demuxer.error().code, Code::unsupported);
  EXPECT_NE(demuxer.error().message.find("huffyuv"), std::string::npos);
}

TEST(DemuxerTest, CutFileEndsWithoutHarm) {
  const test::TempDir dir;
  const std::string whole = test::read_text(footage(Footage::h264_size_change));
  test::write_text(dir.path() / "cut.ts", whole.substr(0, whole.size() / 3));
  const Contents file(dir.path() / "cut.ts");
  EXPECT_GT(file.video.size(), 20u);
}

TEST(DemuxerTest, StopEndsReadingAFile) {
  auto demuxer = Demuxer::open(footage(Footage::h264_no_audio), kFile, kNoStop);
  ASSERT_TRUE(demuxer);
  std::stop_source stop;
  stop.request_stop();
  const auto packet = (*demuxer)->read(kNever, stop.get_token());
  ASSERT_FALSE(packet);
  EXPECT_EQ(packet.error().code, Code::cancelled);
}

struct Answer {
  const char* status;
  Code code;
};

class RtspRefusalTest : public testing::TestWithParam<Answer> {};

TEST_P(RtspRefusalTest, HasItsCode) {
  const CannedServer server(std::string("RTSP/1.0 ") + GetParam().status + "\r\nCSeq: {CSeq}\r\n\r\n");
  const DemuxerOptions options{.username = "admin", .password = "se/cr@et", .open_timeout = 5s};
  const auto demuxer = Demuxer::open(server.url(), options, kNoStop);
  ASSERT_FALSE(demuxer);
  EXPECT_EQ(demuxer.error().code, GetParam().code) << demuxer.error().message;
  EXPECT_EQ(demuxer.error().message.find("cr"), std::string::npos) << demuxer.error().message;
}

INSTANTIATE_TEST_SUITE_P(Statuses, RtspRefusalTest,
                         testing::Values(Answer{"401 Unauthorized", Code::forbidden},
                                         Answer{"403 Forbidden", Code::forbidden},
                                         Answer{"404 Not Found", Code::not_found},
                                         Answer{"453 Not Enough Bandwidth", Code::busy},
                                         Answer{"503 Service Unavailable", Code::busy}),
                         [](const auto& answer) { return std::string(answer.param.status, 3); });

TEST(DemuxerTest, NobodyListeningIsUnavailable) {
  std::string url;
  {
    const CannedServer gone("");
    url = gone.url();
  }
  const auto demuxer = Demuxer::open(url, {.open_timeout = 5s}, kNoStop);
  ASSERT_FALSE(demuxer);
  EXPECT_EQ(demuxer.error().code, Code::camera_unavailable);
}

class SilentServerTest : public testing::TestWithParam<const char*> {};

TEST_P(SilentServerTest, OpeningEndsAtTheDeadline) {
  const CannedServer server("");
  const MonoTime begin = in(0s);
  const auto demuxer = Demuxer::open(server.url(GetParam()), {.open_timeout = 300ms}, kNoStop);
  ASSERT_FALSE(demuxer);
  EXPECT_EQ(demuxer.error().code, Code::timed_out) << demuxer.error().message;
  EXPECT_LT(in(0s) - begin, 5s);
}

TEST_P(SilentServerTest, OpeningEndsWithTheStop) {
  const CannedServer server("");
  std::stop_source stop;
  auto open = std::async(std::launch::async, [&] {
    return Demuxer::open(server.url(GetParam()), {.open_timeout = 60s}, stop.get_token());
  });
  stop.request_stop();
  const auto demuxer = open.get();
  ASSERT_FALSE(demuxer);
  EXPECT_EQ(demuxer.error().code, Code::cancelled) << demuxer.error().message;
}

INSTANTIATE_TEST_SUITE_P(Protocols, SilentServerTest, testing::Values("rtsp", "http", "rtmp"));

}  // namespace
}  // namespace vedette
