// How sources end that cannot go on, and what they make of clocks that step.
#include <gtest/gtest.h>

#include "tests/sources/silent_server.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/ports.h"
#include "tests/support/process.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::Footage;
using test::footage;
using test::of_track;
using test::SilentServer;
using test::SourceRun;

constexpr milliseconds kStopLimit{500};

Error error_of(const SourceConfig& config) {
  SourceRun run(config);
  const auto ended = run.wait_for_end();
  if (!ended) return {Code::internal, "the source did not end"};
  return *ended ? Error{Code::ok, ""} : ended->error();
}

class RtspErrorTest : public testing::Test {
 protected:
  static SourceConfig config_for(const std::string& url) {
    SourceConfig config;
    config.url = url;
    config.username = "viewer";
    config.password = "secret-1";
    config.connect_timeout = 2s;
    config.stall_timeout = 2s;
    return config;
  }
};

TEST_F(RtspErrorTest, RefusedConnectionIsUnavailable) {
  const Error error = error_of(config_for("rtsp://127.0.0.1:" + std::to_string(test::free_port()) + "/1"));
  EXPECT_EQ(error.code, Code::camera_unavailable) << error.message;
}

TEST_F(RtspErrorTest, UnknownHostIsUnavailable) {
  const Error error = error_of(config_for("rtsp://no-such-camera.invalid/1"));
  EXPECT_EQ(error.code, Code::camera_unavailable) << error.message;
}

TEST_F(RtspErrorTest, SilentServerTimesOut) {
  const SilentServer server;
  const MonoTime begin = Clock::system().mono();
  const Error error = error_of(config_for("rtsp://127.0.0.1:" + std::to_string(server.port()) + "/1"));
  EXPECT_EQ(error.code, Code::timed_out) << error.message;
  const auto took = Clock::system().mono() - begin;
  EXPECT_GE(took, 1900ms);
  EXPECT_LT(took, 3s);
}

TEST_F(RtspErrorTest, StopEndsConnectingToASilentServer) {
  const SilentServer server;
  SourceRun run(config_for("rtsp://127.0.0.1:" + std::to_string(server.port()) + "/1"));
  EXPECT_FALSE(run.wait_for_end(200ms));
  const auto stopped = run.stop();
  EXPECT_TRUE(stopped.status) << stopped.status.error().message;
  EXPECT_LT(stopped.took, kStopLimit);
}

// 192.0.2.0/24 is nobody's (RFC 5737): where it is routed at all, nothing answers.
TEST_F(RtspErrorTest, StopEndsConnectingToAnUnroutableAddress) {
  SourceRun run(config_for("rtsp://192.0.2.1/1"));
  run.wait_for_end(200ms);
  EXPECT_LT(run.stop().took, kStopLimit);
}

TEST_F(RtspErrorTest, WrongPasswordIsForbiddenAndNotRepeated) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}, .user = "viewer", .password = "right"});
  const Error error = error_of(config_for(cameras.url()));
  EXPECT_EQ(error.code, Code::forbidden) << error.message;
  EXPECT_EQ(error.message.find("secret-1"), std::string::npos);
}

TEST_F(RtspErrorTest, UnknownPathIsNotFound) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  const Error error =
      error_of(config_for("rtsp://127.0.0.1:" + std::to_string(cameras.port()) + "/Streaming/Channels/901"));
  EXPECT_EQ(error.code, Code::not_found) << error.message;
}

TEST_F(RtspErrorTest, ClosedConnectionIsUnavailable) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  SourceRun run(config_for(cameras.url()));
  ASSERT_TRUE(run.wait_for_video(3));
  cameras.kick();
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->error().code, Code::camera_unavailable) << ended->error().message;
}

TEST_F(RtspErrorTest, FrozenPictureTimesOutThoughTheConnectionLives) {
  CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25)}});
  SourceRun run(config_for(cameras.url()));
  ASSERT_TRUE(run.wait_for_video(3));
  cameras.freeze();
  const MonoTime frozen = Clock::system().mono();
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended);
  EXPECT_LT(Clock::system().mono() - frozen, 3s);
  EXPECT_EQ(ended->error().code, Code::timed_out) << ended->error().message;
  const auto silent = Clock::system().mono() - of_track(run.packets(), Track::video).back().arrival;
  EXPECT_GE(silent, 1900ms);
  EXPECT_LT(silent, 3s);
}

TEST_F(RtspErrorTest, SourceIsOfUseAgainAfterAnError) {
  CameraSim cameras({.media = {footage(Footage::h264_no_audio)}});
  cameras.kill();
  const auto source = make_source(config_for(cameras.url()));
  ASSERT_TRUE(source);
  {
    SourceRun run(**source);
    const auto ended = run.wait_for_end();
    ASSERT_TRUE(ended && !*ended);
  }
  cameras.start();
  SourceRun run(**source);
  EXPECT_TRUE(run.wait_for_video(3));
}

TEST_F(RtspErrorTest, SteppingClockOfACameraLosesNoFrameAndStaysNearTheTruth) {
  const CameraSim cameras(
      {.media = {footage(Footage::h264_aac_1080p25)}, .more = {"--jump-every", "2", "--jump-by", "10"}});
  SourceRun run(config_for(cameras.url()));
  ASSERT_TRUE(run.wait_for_video(12 * 25));  // over two sender reports
  run.stop();
  const auto packets = run.packets();
  for (const Track track : {Track::video, Track::audio}) {
    const auto of_one = of_track(packets, track);
    ASSERT_FALSE(of_one.empty());
    for (size_t i = 1; i < of_one.size(); ++i) EXPECT_GT(of_one[i].dts, of_one[i - 1].dts);
    for (const Packet& packet : of_one) EXPECT_LT(std::chrono::abs(packet.pts - packet.arrival), 1s);
  }
}

// 2^32 ticks are 13 hours of 90 kHz, and 149 hours of 8 kHz: both counters pass it in the middle of this.
TEST_F(RtspErrorTest, RtpCountersThatWrapAreNoStep) {
  for (const Footage kind : {Footage::h264_aac_1080p25, Footage::h264_pcmu}) {
    SCOPED_TRACE(footage(kind).string());
    const CameraSim cameras({.media = {footage(kind)}, .more = {"--rtp-wrap-in", "2"}});
    SourceRun run(config_for(cameras.url()));
    ASSERT_TRUE(run.wait_for_video(6 * 15));
    run.stop();
    const auto packets = run.packets();
    for (const Track track : {Track::video, Track::audio}) {
      const auto of_one = of_track(packets, track);
      ASSERT_GT(of_one.size(), 10u);
      for (size_t i = 1; i < of_one.size(); ++i) {
        EXPECT_GT(of_one[i].dts, of_one[i - 1].dts);
        EXPECT_LT(of_one[i].dts - of_one[i - 1].dts, 500ms) << i;
      }
      for (const Packet& packet : of_one) EXPECT_LT(std::chrono::abs(packet.pts - packet.arrival), 1s);
    }
  }
}

TEST(FileSourceTest, MissingFileIsNotFound) {
  SourceConfig config;
  config.url = "file:///no/such/file.mp4";
  EXPECT_EQ(error_of(config).code, Code::not_found);
}

TEST(FileSourceTest, FileWithoutVideoIsUnsupported) {
  SourceConfig config;
  config.url = "file://" VEDETTE_SOURCE_DIR "/README.md";
  const Error error = error_of(config);
  EXPECT_EQ(error.code, Code::unsupported) << error.message;
}

}  // namespace
}  // namespace vedette
