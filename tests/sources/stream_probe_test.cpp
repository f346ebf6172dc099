#include "sources/stream_probe.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/sources/silent_server.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::Footage;
using test::footage;

constexpr microseconds kTimeout = 10s;

SourceConfig config_for(const std::string& url) {
  SourceConfig config;
  config.camera_id = "probe";
  config.url = url;
  return config;
}

Result<ProbedStream> probe(const SourceConfig& config, microseconds timeout = kTimeout) {
  return probe_stream(config, timeout, Clock::system(), {});
}

TEST(StreamProbeTest, MeasuresWhatTheCameraSends) {
  const CameraSim camera({.media = {footage(Footage::h265_pcma)}});
  const auto probed = probe(config_for(camera.url()));
  ASSERT_TRUE(probed) << probed.error().message;
  const StreamReport& stream = probed->stream;
  EXPECT_EQ(stream.info->video.codec, VideoCodec::h265);
  EXPECT_EQ(stream.info->video.width_px, 1920);
  EXPECT_EQ(stream.info->video.height_px, 1080);
  EXPECT_NEAR(stream.fps, 20, 0.5);
  EXPECT_NEAR(static_cast<double>(to_ms(stream.gop)), 2000, 60);
  EXPECT_GT(stream.bitrate_bps, 10'000);
  ASSERT_TRUE(stream.info->audio);
  EXPECT_EQ(stream.info->audio->codec, AudioCodec::pcma);
  EXPECT_GE(*stream.first_packet, probed->began);
  EXPECT_GE(*stream.first_keyframe, *stream.first_packet);
  EXPECT_LT(*stream.first_keyframe, probed->began + kTimeout);
  EXPECT_TRUE(probed->ended);
}

TEST(StreamProbeTest, TheBitrateIsThatOfWholeGops) {
  const Clock& clock = Clock::system();
  StreamGauge gauge;
  const auto info = std::make_shared<StreamInfo>();
  const std::vector<uint8_t> large(10'000), small(1'000);
  Packet packet;
  packet.info = info;
  for (int frame = 0; frame < 27; ++frame) {  // two GOPs of ten, and seven more; 10 frames a second
    packet.keyframe = frame % 10 == 0;
    packet.data = Payload::copy_of(packet.keyframe ? large : small);
    packet.pts = packet.dts = packet.arrival = MonoTime(1s) + frame * 100ms;
    gauge.add(packet, clock);
  }
  EXPECT_TRUE(gauge.enough());
  EXPECT_EQ(gauge.report().keyframes, 3u);
  EXPECT_EQ(gauge.report().gop, 1s);
  EXPECT_DOUBLE_EQ(gauge.report().fps, 10);
  EXPECT_EQ(gauge.report().bitrate_bps, 19'000 * 8);
  EXPECT_FALSE(gauge.report().clock_offset);
  packet.camera_utc = clock.to_utc(packet.pts) - 1h;
  gauge.add(packet, clock);
  EXPECT_NEAR(static_cast<double>(to_ms(*gauge.report().clock_offset)), -3'600'000, 50);
}

TEST(StreamProbeTest, OneKeyframeIsEnoughForAReport) {
  const CameraSim camera({.media = {footage(Footage::h264_long_gop)}});
  const auto probed = probe(config_for(camera.url()), 3s);
  ASSERT_TRUE(probed) << probed.error().message;
  EXPECT_EQ(probed->stream.keyframes, 1u);
  EXPECT_EQ(probed->stream.gop, 0us);
  EXPECT_NEAR(probed->stream.fps, 25, 1);
}

TEST(StreamProbeTest, SaysWhyThereIsNothingToSee) {
  const CameraSim camera({.media = {footage(Footage::h264_no_audio)}, .user = "viewer", .password = "right"});
  SourceConfig config = config_for(camera.url());
  config.username = "viewer";
  config.password = "wrong";
  const auto refused = probe(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::forbidden);
  const auto nobody = probe(config_for("rtsp://127.0.0.1:" + std::to_string(test::free_port()) + "/"));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::camera_unavailable);
  const auto unknown = probe(config_for("gopher://127.0.0.1/"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::unsupported);
}

TEST(StreamProbeTest, WaitsNoLongerThanItMay) {
  const test::SilentServer silent;
  const MonoTime began = Clock::system().mono();
  const auto probed = probe(config_for("rtsp://127.0.0.1:" + std::to_string(silent.port()) + "/"), 1s);
  ASSERT_FALSE(probed);
  EXPECT_EQ(probed.error().code, Code::timed_out) << probed.error().message;
  EXPECT_LT(Clock::system().mono() - began, 3s);
}

TEST(StreamProbeTest, EndsWithTheStop) {
  const test::SilentServer silent;
  std::stop_source stop;
  const std::jthread stopper([&] {
    test::eventually(milliseconds(300), [] { return false; });
    stop.request_stop();
  });
  const MonoTime began = Clock::system().mono();
  const auto probed = probe_stream(config_for("rtsp://127.0.0.1:" + std::to_string(silent.port()) + "/"), 30s,
                                   Clock::system(), stop.get_token());
  ASSERT_FALSE(probed);
  EXPECT_EQ(probed.error().code, Code::cancelled);
  EXPECT_LT(Clock::system().mono() - began, 5s);
}

}  // namespace
}  // namespace vedette
