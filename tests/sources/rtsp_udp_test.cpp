// RTSP with the media in datagrams, through a network that does what networks do.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/sources/source_run.h"
#include "tests/sources/udp_shuffler.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::Footage;
using test::footage;
using test::of_track;
using test::SourceRun;
using test::UdpShuffler;

constexpr microseconds kFrame = 40ms;  // of the footage

class RtspUdpTest : public testing::Test {
 protected:
  static SourceConfig config_for(uint16_t port, const std::string& transport = "udp") {
    SourceConfig config;
    config.camera_id = "front";
    config.url = "rtsp://127.0.0.1:" + std::to_string(port) + "/Streaming/Channels/101";
    config.transport = transport;
    config.stall_timeout = 4s;
    return config;
  }
  static std::vector<Packet> video_of(const SourceRun& run) { return of_track(run.packets(), Track::video); }
  static uint64_t lost_frames(const std::vector<Packet>& video) {
    return std::accumulate(video.begin(), video.end(), uint64_t{0},
                           [](uint64_t sum, const Packet& p) { return sum + p.lost_before; });
  }
  static void expect_every_frame(const std::vector<Packet>& video) {
    for (size_t i = 1; i < video.size(); ++i) {
      EXPECT_NEAR(static_cast<double>((video[i].dts - video[i - 1].dts).count()), kFrame.count(), 10'000) << i;
      EXPECT_EQ(video[i].lost_before, 0u);
    }
  }
  CameraSim cameras_{{.media = {footage(Footage::h264_aac_1080p25)}}};
};

TEST_F(RtspUdpTest, WhatComesTwiceAndOutOfOrderIsPutInOrder) {
  UdpShuffler network(cameras_.port(), {.send_twice = 3, .send_late = 7});
  SourceRun run(config_for(network.port()));
  ASSERT_TRUE(run.wait_for_video(6 * 25));
  EXPECT_TRUE(run.stop().status);
  expect_every_frame(video_of(run));
  EXPECT_GT(network.client_reports(), 0u);
  const auto audio = of_track(run.packets(), Track::audio);
  ASSERT_GT(audio.size(), 20u);
  for (size_t i = 1; i < audio.size(); ++i) EXPECT_LT(audio[i].dts - audio[i - 1].dts, 100ms) << i;
}

TEST_F(RtspUdpTest, WhatIsLostIsCountedAndNothingDamagedIsHandedOut) {
  UdpShuffler network(cameras_.port(), {.lose = 500});
  SourceRun run(config_for(network.port()));
  ASSERT_TRUE(run.wait_for(30s, [](const std::vector<Packet>& all) {
    return std::count_if(all.begin(), all.end(), [](const Packet& p) { return p.lost_before > 0; }) >= 3;
  }));
  EXPECT_TRUE(run.stop().status);
  const auto video = video_of(run);
  EXPECT_GT(network.lost(), 0u);
  for (size_t i = 1; i < video.size(); ++i) {
    const auto step = static_cast<double>((video[i].dts - video[i - 1].dts).count()) / kFrame.count();
    EXPECT_NEAR(step, video[i].lost_before + 1.0, 0.3) << i;
    EXPECT_TRUE(video[i].lost_before == 0 || video[i].keyframe) << i;
  }
  EXPECT_GE(lost_frames(video), 3u);
}

TEST_F(RtspUdpTest, ForgedPacketsOfOthersAreDropped) {
  UdpShuffler network(cameras_.port(), {.forge = 5});
  SourceRun run(config_for(network.port()));
  ASSERT_TRUE(run.wait_for_video(4 * 25));
  run.stop();
  expect_every_frame(video_of(run));
}

TEST_F(RtspUdpTest, CountersThatWrapAreNoStep) {
  const CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}, .more = {"--rtp-wrap-in", "2"}});
  SourceRun run(config_for(cameras.port()));
  ASSERT_TRUE(run.wait_for_video(4 * 25));
  run.stop();
  expect_every_frame(video_of(run));
}

TEST_F(RtspUdpTest, FrozenPictureTimesOut) {
  SourceRun run(config_for(cameras_.port()));
  ASSERT_TRUE(run.wait_for_video(3));
  cameras_.freeze();
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended && !*ended);
  EXPECT_EQ(ended->error().code, Code::timed_out);
  EXPECT_TRUE(ended->error().message.starts_with("no video for 4 s")) << ended->error().message;
}

TEST_F(RtspUdpTest, NetworkThatSwallowsUdpIsNamed) {
  UdpShuffler network(cameras_.port(), {.swallow = true});
  SourceRun run(config_for(network.port()));
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended && !*ended);
  EXPECT_EQ(ended->error().code, Code::timed_out);
  EXPECT_NE(ended->error().message.find("set transport to tcp"), std::string::npos) << ended->error().message;
}

TEST_F(RtspUdpTest, NetworkThatIsCutLaterIsAStall) {
  UdpShuffler network(cameras_.port(), {});
  SourceRun run(config_for(network.port(), "auto"));
  ASSERT_TRUE(run.wait_for_video(3));
  network.swallow(true);
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended && !*ended);
  EXPECT_TRUE(ended->error().message.starts_with("no video for 4 s")) << ended->error().message;
  EXPECT_EQ(network.udp_set_ups(), 2u);
  EXPECT_EQ(network.connections(), 1u) << "UDP has worked: TCP is no better";
}

TEST_F(RtspUdpTest, CameraThatEndsTheConnectionIsGone) {
  SourceRun run(config_for(cameras_.port()));
  ASSERT_TRUE(run.wait_for_video(3));
  cameras_.kick();
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended && !*ended);
  EXPECT_EQ(ended->error().code, Code::camera_unavailable) << ended->error().message;
}

// Auto: UDP when it works, TCP when it does not, and that is remembered. A server may still be busy with the session
// before, and say so; then it is tried again, as Camera does.
bool plays(Source& source) {
  return test::eventually(SourceRun::kLimit, [&] {
    SourceRun run(source);
    return run.wait_for_video(5);
  });
}

TEST_F(RtspUdpTest, AutoTakesTcpWhereUdpIsSwallowed) {
  UdpShuffler network(cameras_.port(), {.swallow = true});
  const auto source = make_source(config_for(network.port(), "auto"));
  ASSERT_TRUE(source);
  const MonoTime began = Clock::system().mono();
  ASSERT_TRUE(plays(**source));
  EXPECT_GE(Clock::system().mono() - began, 3000ms);
  EXPECT_EQ(network.udp_set_ups(), 2u) << "video and audio, once";
  ASSERT_TRUE(plays(**source));
  EXPECT_EQ(network.udp_set_ups(), 2u) << "no second try over UDP";
}

TEST_F(RtspUdpTest, AutoTakesTcpAtOnceWhereUdpIsRefused) {
  const CameraSim cameras({.media = {footage(Footage::h264_pcmu)}, .more = {"--transports", "tcp"}});
  const auto source = make_source(config_for(cameras.port(), "auto"));
  ASSERT_TRUE(source);
  EXPECT_TRUE(plays(**source));
}

TEST_F(RtspUdpTest, StopEndsTheSearchForAWay) {
  UdpShuffler network(cameras_.port(), {.swallow = true});
  SourceRun run(config_for(network.port(), "auto"));
  EXPECT_FALSE(run.wait_for_end(1000ms));
  const auto stopped = run.stop();
  EXPECT_TRUE(stopped.status);
  EXPECT_LT(stopped.took, 500ms);
}

}  // namespace
}  // namespace vedette
