#include "sources/pattern_source.h"

#include <gtest/gtest.h>

#include "sources/test_card.h"
#include "tests/sources/luma_decoder.h"
#include "tests/sources/source_run.h"

namespace vedette {
namespace {

using test::Luma;
using test::LumaDecoder;
using test::of_track;
using test::SourceRun;

SourceConfig config_for(const std::string& parameters) {
  SourceConfig config;
  config.camera_id = "test";
  config.url = "test://pattern" + parameters;
  return config;
}

std::vector<Packet> run(const std::string& parameters, size_t video_frames) {
  SourceRun run(config_for(parameters));
  EXPECT_TRUE(run.wait_for_video(video_frames));
  EXPECT_TRUE(run.stop().status);
  return run.packets();
}

TEST(PatternSourceTest, BurntInTimeIsThatOfThePacket) {
  const auto packets = run("?size=320x240&fps=25&gop=10", 25);
  ASSERT_GE(packets.size(), 25u);
  LumaDecoder decoder(packets.front().info->video);
  for (const Packet& packet : packets) {
    const auto picture = decoder.decode(packet);
    ASSERT_TRUE(picture);
    const auto shown = TestCard::read_time(picture->samples, picture->width_px, picture->height_px, picture->width_px);
    ASSERT_TRUE(shown);
    // The two clocks of the machine are never read at the same instant.
    EXPECT_LE(std::chrono::abs(*shown - Clock::system().to_utc(packet.pts)), 2ms);
  }
}

TEST(PatternSourceTest, FirstPacketIsAKeyframeAndGopsAreAsLongAsAskedFor) {
  const auto packets = run("?size=128x128&fps=50&gop=7", 30);
  for (size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(packets[i].keyframe, i % 7 == 0) << i;
}

TEST(PatternSourceTest, SizeIsAsAskedFor) {
  const auto packets = run("?size=640x360&fps=20", 1);
  const VideoTrack& video = packets.front().info->video;
  EXPECT_EQ(video.width_px, 640);
  EXPECT_EQ(video.height_px, 360);
  EXPECT_EQ(video.fps, 20);
  const auto picture = LumaDecoder(video).decode(packets.front());
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->width_px, 640);
  EXPECT_EQ(picture->height_px, 360);
}

TEST(PatternSourceTest, RateIsAsAskedForWithoutAccumulatingError) {
  const auto packets = run("?size=64x64&fps=60", 61);
  EXPECT_NEAR(static_cast<double>((packets[60].pts - packets[0].pts).count()), 1e6, 1);
  for (size_t i = 1; i < packets.size(); ++i)
    EXPECT_NEAR(static_cast<double>((packets[i].pts - packets[i - 1].pts).count()), 1e6 / 60, 1) << i;
}

TEST(PatternSourceTest, DefaultsAreThoseOfTheDocumentation) {
  const auto packets = run("", 1);
  const VideoTrack& video = packets.front().info->video;
  EXPECT_EQ(video.width_px, 1280);
  EXPECT_EQ(video.height_px, 720);
  EXPECT_EQ(video.fps, 25);
  EXPECT_FALSE(packets.front().info->audio);
}

TEST(PatternSourceTest, ToneGoesWithThePicture) {
  const auto packets = run("?size=64x64&fps=25&audio=1", 50);
  ASSERT_TRUE(packets.front().info->audio);
  EXPECT_EQ(packets.front().info->audio->codec, AudioCodec::aac);
  EXPECT_FALSE(packets.front().info->audio->extradata.empty());
  const auto audio = of_track(packets, Track::audio);
  ASSERT_GT(audio.size(), 20u);
  for (size_t i = 1; i < audio.size(); ++i)
    EXPECT_EQ(audio[i].pts, audio[i - 1].pts + audio[i - 1].duration) << "no hole, no overlap";
  const auto video = of_track(packets, Track::video);
  EXPECT_LT(std::chrono::abs(audio.back().pts - video.back().pts), 200ms);
  EXPECT_TRUE(packets.front().video()) << "a picture first";
}

TEST(PatternSourceTest, TwoRunsAreTwoSessions) {
  const auto source = make_source(config_for("?size=64x64&fps=25"));
  ASSERT_TRUE(source);
  MonoTime before{};
  for (int i = 0; i < 2; ++i) {
    SourceRun run(**source);
    ASSERT_TRUE(run.wait_for_video(5));
    run.stop();
    const auto packets = run.packets();
    EXPECT_TRUE(packets.front().keyframe);
    EXPECT_GT(packets.front().dts, before);
    before = packets.back().dts;
  }
}

class BadParameterTest : public testing::TestWithParam<const char*> {};

TEST_P(BadParameterTest, IsRefusedAndNamed) {
  const auto source = make_source(config_for(GetParam()));
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, Code::invalid_argument);
  EXPECT_NE(source.error().message.find("test://pattern"), std::string::npos) << source.error().message;
}

INSTANTIATE_TEST_SUITE_P(Parameters, BadParameterTest,
                         testing::Values("?size=640", "?size=640x", "?size=641x360", "?size=640x361", "?size=32x32",
                                         "?size=4096x2160", "?size=-640x360", "?size=640x360x2", "?fps=0", "?fps=121",
                                         "?fps=25.5", "?fps=", "?fps", "?gop=0", "?gop=10001", "?audio=2", "?audio=yes",
                                         "?colour=1", "?", "?fps=25&", "/2", "s?fps=25", "?fps=99999999999999999999"));

TEST(MakeSourceTest, UnknownSchemeIsUnsupportedAndNamed) {
  SourceConfig config;
  config.url = "gopher://camera/1";
  const auto source = make_source(config);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, Code::unsupported);
  EXPECT_NE(source.error().message.find("gopher"), std::string::npos);
  for (const std::string_view scheme : source_schemes())
    EXPECT_NE(source.error().message.find(scheme), std::string::npos) << scheme;
}

TEST(MakeSourceTest, UrlWithoutSchemeIsInvalid) {
  for (const char* url : {"", "camera", "/dev/video0", "rtsp:/camera"}) {
    SourceConfig config;
    config.url = url;
    const auto source = make_source(config);
    ASSERT_FALSE(source) << url;
    EXPECT_EQ(source.error().code, Code::invalid_argument) << url;
  }
}

TEST(MakeSourceTest, RtspNeedsAHostAndAKnownTransport) {
  SourceConfig config;
  config.url = "rtsp:///stream";
  EXPECT_EQ(make_source(config).error().code, Code::invalid_argument);
  config.url = "rtsp://camera/stream";
  config.transport = "carrier-pigeon";
  EXPECT_EQ(make_source(config).error().code, Code::invalid_argument);
  config.transport = "udp";
  EXPECT_TRUE(make_source(config));
}

}  // namespace
}  // namespace vedette
