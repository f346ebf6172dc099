#include <gtest/gtest.h>

#include <future>

#include "media/demuxer.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/paths.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::CameraSimOptions;
using test::Footage;
using test::footage;

const std::stop_token kNoStop;

MonoTime in(microseconds time) {
  return Clock::system().mono() + time;
}

class DemuxerRtspTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(VEDETTE_BINARY_DIR "/bin/camera_sim")) GTEST_SKIP() << "camera_sim is not built";
  }

  static std::unique_ptr<Demuxer> open(const CameraSim& cameras, const DemuxerOptions& options = {}) {
    auto demuxer = Demuxer::open(cameras.url(), options, kNoStop);
    EXPECT_TRUE(demuxer) << demuxer.error().message;
    return demuxer ? std::move(*demuxer) : nullptr;
  }

  static std::vector<DemuxedPacket> read_video(Demuxer& demuxer, size_t count) {
    std::vector<DemuxedPacket> packets;
    while (packets.size() < count) {
      auto packet = demuxer.read(in(10s), kNoStop);
      EXPECT_TRUE(packet) << packet.error().message;
      if (!packet || !*packet) break;
      if ((*packet)->track == Track::video) packets.push_back(std::move(**packet));
    }
    return packets;
  }

  static void expect_even(const std::vector<DemuxedPacket>& packets, microseconds frame) {
    std::vector<microseconds> shown;
    for (size_t i = 0; i < packets.size(); ++i) {
      shown.push_back(packets[i].pts);
      EXPECT_GE(packets[i].pts, packets[i].dts);
      EXPECT_TRUE(i == 0 || packets[i].dts > packets[i - 1].dts);
    }
    // The last ones may be shown after frames that have not been read.
    constexpr size_t kReorder = 4;
    std::sort(shown.begin(), shown.end());
    for (size_t i = 1; i + kReorder < shown.size(); ++i)
      EXPECT_NEAR(static_cast<double>((shown[i] - shown[i - 1]).count()), static_cast<double>(frame.count()), 100.0);
  }
};

class TransportTest : public DemuxerRtspTest, public testing::WithParamInterface<const char*> {};

TEST_P(TransportTest, FirstKeyframeIsKeptAndDigestWithAnyPasswordWorks) {
  const CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}, .user = "admin", .password = "p@s/s w#d%1"});
  const auto demuxer = open(cameras, {.username = "admin", .password = "p@s/s w#d%1", .rtsp_transport = GetParam()});
  ASSERT_TRUE(demuxer);
  EXPECT_EQ(demuxer->info()->video.width_px, 1920);
  EXPECT_FALSE(demuxer->info()->video.extradata.empty());
  ASSERT_TRUE(demuxer->info()->audio);
  const auto packets = read_video(*demuxer, 60);
  ASSERT_EQ(packets.size(), 60u);
  EXPECT_TRUE(packets.front().keyframe);
  EXPECT_TRUE(packets[50].keyframe);
  expect_even(packets, 40ms);
  EXPECT_EQ(packets.back().info, demuxer->info());
}

INSTANTIATE_TEST_SUITE_P(Transports, TransportTest, testing::Values("tcp", "udp"));

TEST_F(DemuxerRtspTest, WrongPasswordIsForbidden) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}, .user = "admin", .password = "right"});
  const auto demuxer = Demuxer::open(cameras.url(), {.username = "admin", .password = "wrong"}, kNoStop);
  ASSERT_FALSE(demuxer);
  EXPECT_EQ(demuxer.error().code, Code::forbidden);
}

TEST_F(DemuxerRtspTest, BFramesGetDecodingTimes) {
  const CameraSim cameras({.media = {footage(Footage::h264_bframes_aac)}});
  const auto demuxer = open(cameras);
  ASSERT_TRUE(demuxer);
  expect_even(read_video(*demuxer, 60), 40ms);
}

TEST_F(DemuxerRtspTest, BFramesThatAreNotAnnouncedGetDecodingTimes) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  const auto demuxer = open(cameras);
  ASSERT_TRUE(demuxer);
  expect_even(read_video(*demuxer, 25), 100ms);
}

TEST_F(DemuxerRtspTest, ParameterSetsOnlyInTheSdpAreKnown) {
  const CameraSim cameras({.media = {footage(Footage::h265_pcma)}, .more = {"--no-inband"}});
  const auto demuxer = open(cameras);
  ASSERT_TRUE(demuxer);
  EXPECT_EQ(demuxer->info()->video.codec, VideoCodec::h265);
  EXPECT_EQ(demuxer->info()->video.height_px, 1080);
  EXPECT_FALSE(demuxer->info()->video.extradata.empty());
  EXPECT_EQ(demuxer->info()->audio->codec, AudioCodec::pcma);
}

// A camera with one session to give refuses a second connection that comes right after the first. What comes first here
// is mostly sound, but not always.
TEST_F(DemuxerRtspTest, OneConnectionIsEnoughAlsoWhenSoundComesFirst) {
  const CameraSim cameras({.media = {footage(Footage::h264_pcmu)}});
  int tries = 0;
  for (int opened = 0; opened < 10;) {
    ++tries;
    const auto demuxer = Demuxer::open(cameras.url(), {}, kNoStop);
    if (!demuxer) {
      // The simulator takes a moment to see that the one before has gone.
      ASSERT_EQ(demuxer.error().code, Code::busy) << demuxer.error().message;
      ASSERT_LT(tries, 200);
      continue;
    }
    ++opened;
    EXPECT_EQ((*demuxer)->info()->video.height_px, 360);
    EXPECT_EQ(read_video(**demuxer, 3).size(), 3u);
  }
  const std::string log = cameras.log();
  int connections = 0;
  for (size_t at = 0; (at = log.find("client connected", at)) != std::string::npos; ++at) ++connections;
  EXPECT_EQ(connections, tries);
}

TEST_F(DemuxerRtspTest, FrozenCameraTimesOutThoughTheConnectionLives) {
  CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}});
  const auto demuxer = open(cameras);
  ASSERT_TRUE(demuxer);
  read_video(*demuxer, 3);
  cameras.freeze();
  const MonoTime deadline = in(6s);  // long enough for an RTCP report or two
  while (true) {
    const auto packet = demuxer->read(deadline, kNoStop);
    if (packet) continue;
    EXPECT_EQ(packet.error().code, Code::timed_out) << packet.error().message;
    break;
  }
  EXPECT_LT(in(0s) - deadline, 2s);
}

TEST_F(DemuxerRtspTest, StopEndsReading) {
  CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  auto demuxer = open(cameras);
  ASSERT_TRUE(demuxer);
  cameras.pause();
  std::stop_source stop;
  auto reading = std::async(std::launch::async, [&] {
    while (true) {
      const auto packet = demuxer->read(kNever, stop.get_token());
      if (!packet) return packet.error().code;
    }
  });
  stop.request_stop();
  EXPECT_EQ(reading.get(), Code::cancelled);
  const MonoTime begin = in(0s);
  demuxer.reset();  // of a server that does not answer any more
  EXPECT_LT(in(0s) - begin, 2s);
  cameras.resume();
}

TEST_F(DemuxerRtspTest, ClosedConnectionIsUnavailable) {
  CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  const auto demuxer = open(cameras);
  ASSERT_TRUE(demuxer);
  read_video(*demuxer, 2);
  cameras.kill();
  while (true) {
    const auto packet = demuxer->read(in(10s), kNoStop);
    if (packet) continue;
    EXPECT_EQ(packet.error().code, Code::camera_unavailable) << packet.error().message;
    break;
  }
}

}  // namespace
}  // namespace vedette
