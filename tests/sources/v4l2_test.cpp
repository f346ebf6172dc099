// v4l2:// on a made-up camera (tests/support/v4l2_fake): what is chosen, and everything that can go wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "media/encoder_slots.h"
#include "sources/v4l2/device.h"
#include "sources/v4l2/mode.h"
#include "sources/v4l2/url.h"
#include "tests/sources/luma_decoder.h"
#include "tests/sources/source_run.h"
#include "tests/support/v4l2_camera.h"

namespace vedette {
namespace {

using test::SourceRun;
using test::V4l2Camera;
using testing::HasSubstr;
using v4l2::Format;
using v4l2::Mode;

// What many USB cameras have.
constexpr const char* kWebcam =
    "format YUYV 640x480 30 15\nformat YUYV 1280x720 10\nformat MJPG 640x480 30\nformat MJPG 1280x720 30 15\n"
    "format MJPG 1920x1080 30";

Mode mode(Format format, int width, int height, uint32_t fps) {
  return {format, {width, height}, {fps, 1}};
}

TEST(V4l2ModeTest, SizeCountsBeforeRateAndRateBeforeFormat) {
  const std::vector<Mode> modes = {mode(Format::yuyv, 640, 480, 30), mode(Format::yuyv, 1280, 720, 10),
                                   mode(Format::mjpeg, 1280, 720, 30), mode(Format::mjpeg, 1920, 1080, 30)};
  EXPECT_EQ(to_text(*nearest(modes, {})), "mjpeg 1280x720 at 30/s");
  EXPECT_EQ(to_text(*nearest(modes, {.fps = 10})), "yuyv 1280x720 at 10/s");
  EXPECT_EQ(to_text(*nearest(modes, {.size = {600, 500}})), "yuyv 640x480 at 30/s");
  EXPECT_EQ(to_text(*nearest(modes, {.format = Format::yuyv})), "yuyv 1280x720 at 10/s");
  EXPECT_EQ(to_text(*nearest(modes, {.size = {640, 480}, .compressed_only = true})), "mjpeg 1280x720 at 30/s");
  EXPECT_FALSE(nearest(modes, {.format = Format::h264}));
}

TEST(V4l2ModeTest, WhatIsEncodedAlreadyIsPreferred) {
  const std::vector<Mode> modes = {mode(Format::mjpeg, 1280, 720, 30), mode(Format::yuyv, 1280, 720, 30),
                                   mode(Format::h264, 1280, 720, 30)};
  EXPECT_EQ(nearest(modes, {})->format, Format::h264);
  EXPECT_EQ(v4l2::nearest({modes[0], modes[1]}, {})->format, Format::yuyv);
}

TEST(V4l2ModeTest, TooSlowIsWorseThanTooFast) {
  const std::vector<Mode> modes = {mode(Format::yuyv, 1280, 720, 15), mode(Format::yuyv, 1280, 720, 60)};
  EXPECT_EQ(nearest(modes, {.fps = 20})->rate.frames, 60u);
}

TEST(V4l2ModeTest, SidesComeInSteps) {
  EXPECT_EQ(v4l2::in_steps(1280, 64, 1920, 8), 1280);
  EXPECT_EQ(v4l2::in_steps(1283, 64, 1920, 8), 1280);
  EXPECT_EQ(v4l2::in_steps(1285, 64, 1920, 8), 1288);
  EXPECT_EQ(v4l2::in_steps(10, 64, 1920, 8), 64);
  EXPECT_EQ(v4l2::in_steps(5000, 64, 1923, 8), 1920);
  EXPECT_EQ(v4l2::in_steps(100, 64, 1920, 0), 100);
}

class V4l2SourceTest : public testing::Test {
 protected:
  static SourceConfig config_for(const std::string& url) {
    SourceConfig config;
    config.url = url;
    config.connect_timeout = 2s;
    config.stall_timeout = 1s;
    EncodeSettings settings;
    settings.hardware = false;
    settings.preset = "ultrafast";
    config.encode = settings;
    return config;
  }
  static Error error_of(const SourceConfig& config) {
    SourceRun run(config);
    const auto ended = run.wait_for_end();
    if (!ended) return {Code::internal, "the source did not end"};
    return *ended ? Error{Code::ok, ""} : ended->error();
  }
  static StreamInfoPtr info_of(const SourceConfig& config) {
    SourceRun run(config);
    EXPECT_TRUE(run.wait_for_video(2));
    const auto stopped = run.stop();
    EXPECT_TRUE(stopped.status) << stopped.status.error().message;
    const auto packets = run.packets();
    return packets.empty() ? std::make_shared<const StreamInfo>() : packets.front().info;
  }
};

TEST_F(V4l2SourceTest, NearestModeIsTakenAndTold) {
  const V4l2Camera camera("stepwise NV12 64x64 1920x1080 8 30\nformat YUYV 640x480 30");
  const auto info = info_of(config_for(camera.url()));
  EXPECT_EQ(info->video.width_px, 1280);
  EXPECT_EQ(info->video.height_px, 720);
  EXPECT_EQ(info->video.fps, 30);
  EXPECT_EQ(info->capture, "nv12 1280x720 at 30/s of Test Camera (/dev/video7), encoded by libx264");
}

TEST_F(V4l2SourceTest, WebcamThatManagesTheRateOnlyWithJpegs) {
  const V4l2Camera camera(kWebcam);
  const auto info = info_of(config_for(camera.url()));
  EXPECT_THAT(info->capture, HasSubstr("mjpeg 1280x720 at 30/s"));
  EXPECT_EQ(info->video.codec, VideoCodec::h264);
}

// The luma that the camera draws is (x + y + 4 * frame) mod 256; 4:2:0 and the encoder blur it a little.
void expect_picture_is_drawn(const V4l2Camera& camera, const std::string& query) {
  SourceConfig config;
  config.url = camera.url(query);
  EncodeSettings settings;
  settings.hardware = false;
  settings.crf = 18;
  settings.max_bitrate_bps = 50'000'000;
  config.encode = settings;
  SourceRun run(config);
  ASSERT_TRUE(run.wait_for_video(1));
  run.stop();
  const auto packets = run.packets();
  test::LumaDecoder decoder(packets.front().info->video);
  const auto frame = decoder.decode(packets.front());
  ASSERT_TRUE(frame);
  const auto at = [&](int x, int y) { return frame->samples[static_cast<size_t>(y * frame->width_px + x)]; };
  int wrong = 0;
  for (int y = 8; y < 200; y += 8)
    for (int x = 8; x < 280; x += 8)
      wrong += std::abs(static_cast<uint8_t>(at(x + 16, y) - at(x, y)) - 16) > 24 ? 1 : 0;
  EXPECT_LT(wrong, 24 * 34 / 5) << "but at the edges of the wedge";
}

TEST_F(V4l2SourceTest, SlotsThatAreTakenMakeItBusy) {
  const V4l2Camera camera("format YUYV 320x240 30");
  EncoderSlots& slots = EncoderSlots::of_process();
  slots.set_most(1);
  {
    const auto slot = slots.take();
    ASSERT_TRUE(slot);
    EXPECT_EQ(error_of(config_for(camera.url())).code, Code::busy);
  }
  slots.set_most(0);
  EXPECT_TRUE(info_of(config_for(camera.url()))->video.width_px == 320);
}

TEST_F(V4l2SourceTest, PictureIsScaledToTheWidth) {
  const V4l2Camera camera("format YUYV 640x480 30");
  SourceConfig config = config_for(camera.url());
  config.encode->width_px = 322;
  const auto info = info_of(config);
  EXPECT_EQ(info->video.width_px, 322);
  EXPECT_EQ(info->video.height_px, 242);
}

TEST_F(V4l2SourceTest, H264PassesWithoutBeingEncoded) {
  const V4l2Camera camera("format H264 320x240 30\nformat YUYV 320x240 30");
  const auto info = info_of(config_for(camera.url("size=320x240")));
  EXPECT_EQ(info->video.codec, VideoCodec::h264);
  EXPECT_EQ(info->video.width_px, 320);
  EXPECT_FALSE(info->video.extradata.empty());
  EXPECT_THAT(info->capture, HasSubstr("encoded by the camera"));
}

TEST_F(V4l2SourceTest, FramesOfH264ThatWereMissedAreALossUpToTheNextKeyframe) {
  const V4l2Camera camera("format H264 320x240 30");
  SourceConfig config = config_for(camera.url("size=320x240"));
  config.stall_timeout = 8s;
  SourceRun run(config);
  ASSERT_TRUE(run.wait_for_video(35));
  camera.set_fault("drop");
  const auto lost = [](const std::vector<Packet>& packets) {
    return std::any_of(packets.begin(), packets.end(), [](const Packet& packet) { return packet.lost_before > 0; });
  };
  ASSERT_TRUE(run.wait_for(SourceRun::kLimit, lost));
  run.stop();
  for (const Packet& packet : run.packets()) EXPECT_TRUE(packet.lost_before == 0 || packet.keyframe);
}

TEST_F(V4l2SourceTest, JpegsPassAsTheyAreWhenThatIsConfigured) {
  const V4l2Camera camera(kWebcam);
  SourceConfig config = config_for(camera.url());
  config.encode->copy = true;
  const auto info = info_of(config);
  EXPECT_EQ(info->video.codec, VideoCodec::mjpeg);
  const V4l2Camera raw("format YUYV 640x480 30");
  config.url = raw.url();
  const Error error = error_of(config);
  EXPECT_EQ(error.code, Code::unsupported);
  EXPECT_THAT(error.message, HasSubstr("it offers yuyv"));
}

TEST_F(V4l2SourceTest, LinesLongerThanThePictureDoNotShearIt) {
  const V4l2Camera padded("format YUYV 320x240 30\npadding 96");
  expect_picture_is_drawn(padded, "size=320x240");
}

TEST_F(V4l2SourceTest, LinesAsLongAsThePictureGiveTheSame) {
  const V4l2Camera plain("format NV12 320x240 30");
  expect_picture_is_drawn(plain, "size=320x240");
}

TEST_F(V4l2SourceTest, MissingDeviceIsNotFound) {
  const V4l2Camera camera("format YUYV 320x240 30");
  const Error error = error_of(config_for("v4l2:///dev/video42"));
  EXPECT_EQ(error.code, Code::not_found) << error.message;
  EXPECT_THAT(error.message, HasSubstr("there are /dev/video7 (Test Camera)"));
}

TEST_F(V4l2SourceTest, WhatIsNoCameraIsRefusedWithoutBeingOpened) {
  const Error error = error_of(config_for("v4l2:///dev/null"));
  EXPECT_EQ(error.code, Code::unsupported) << error.message;
  EXPECT_THAT(error.message, HasSubstr("is no video device"));
}

TEST_F(V4l2SourceTest, BusyForbiddenAndUselessDevicesSaySo) {
  const V4l2Camera camera("format YUYV 320x240 30");
  for (const auto& [fault, code, remedy] :
       {std::tuple{"busy", Code::busy, "fuser"}, std::tuple{"busy_open", Code::busy, "another program"},
        std::tuple{"denied", Code::forbidden, "group video"},
        std::tuple{"no_formats", Code::unsupported, "offers none"},
        std::tuple{"unplugged", Code::camera_unavailable, "unplugged"}}) {
    camera.set_fault(fault);
    const Error error = error_of(config_for(camera.url()));
    EXPECT_EQ(error.code, code) << fault << ": " << error.message;
    EXPECT_THAT(error.message, HasSubstr(remedy));
  }
}

TEST_F(V4l2SourceTest, UnpluggedWhileItStreamsIsUnavailableAndComesBack) {
  const V4l2Camera camera("format YUYV 320x240 30");
  const auto source = make_source(config_for(camera.url()));
  ASSERT_TRUE(source);
  {
    SourceRun run(**source);
    ASSERT_TRUE(run.wait_for_video(3));
    camera.set_fault("unplugged");
    const auto ended = run.wait_for_end(2000ms);
    ASSERT_TRUE(ended && !*ended);
    EXPECT_EQ(ended->error().code, Code::camera_unavailable) << ended->error().message;
  }
  camera.set_fault("");
  SourceRun run(**source);
  EXPECT_TRUE(run.wait_for_video(3));
}

TEST_F(V4l2SourceTest, NoFramesDamagedAndShortOnesAreAStall) {
  const V4l2Camera camera("format YUYV 320x240 30");
  for (const char* fault : {"silent", "damaged", "short"}) {
    camera.set_fault("");
    SourceRun run(config_for(camera.url()));
    ASSERT_TRUE(run.wait_for_video(3));
    camera.set_fault(fault);
    const auto ended = run.wait_for_end();
    ASSERT_TRUE(ended && !*ended) << fault;
    EXPECT_EQ(ended->error().code, Code::timed_out) << fault << ": " << ended->error().message;
  }
}

TEST_F(V4l2SourceTest, StopEndsTheWaitForAFrame) {
  const V4l2Camera camera("format YUYV 320x240 30");
  camera.set_fault("silent");
  SourceConfig config = config_for(camera.url());
  config.connect_timeout = 20s;
  SourceRun run(config);
  EXPECT_FALSE(run.wait_for_end(200ms));
  const auto stopped = run.stop();
  EXPECT_TRUE(stopped.status);
  EXPECT_LT(stopped.took, 500ms);
}

TEST(V4l2UrlTest, WithoutADeviceItListsThoseThatThereAre) {
  const V4l2Camera camera("format YUYV 320x240 30");
  const auto url = v4l2::parse_url("v4l2://");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().code, Code::invalid_argument);
  EXPECT_THAT(url.error().message, HasSubstr("there are /dev/video7 (Test Camera)"));
}

}  // namespace
}  // namespace vedette
