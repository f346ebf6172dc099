#include "media/encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "media/jpeg.h"

namespace vedette {
namespace {

Picture grey(int width, int height, uint8_t luma) {
  Picture picture;
  picture.width_px = width;
  picture.height_px = height;
  const size_t pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  picture.y.assign(pixels, luma);
  picture.u.assign(pixels / 4, 128);
  picture.v.assign(pixels / 4, 128);
  return picture;
}

std::unique_ptr<VideoEncoder> encoder(const VideoEncoder::Options& options) {
  auto made = VideoEncoder::create(options);
  EXPECT_TRUE(made) << made.error().message;
  return made ? std::move(*made) : nullptr;
}

TEST(VideoEncoderTest, EachPictureGivesItsPacketAndEveryGopBeginsWithAKeyframe) {
  const auto video = encoder({.width_px = 320, .height_px = 240, .fps = 10, .gop_frames = 5, .bitrate_bps = 200'000});
  for (int i = 0; i < 23; ++i) {
    const auto packet = video->encode(grey(320, 240, static_cast<uint8_t>(i * 10)), i);
    ASSERT_TRUE(packet) << packet.error().message;
    EXPECT_EQ(packet->keyframe, i % 5 == 0);
    EXPECT_EQ(packet->track, Track::video);
    EXPECT_FALSE(packet->payload().empty());
  }
}

TEST(VideoEncoderTest, TrackDescribesTheStream) {
  const auto video = encoder({.width_px = 320, .height_px = 240, .fps = 10, .gop_frames = 5, .bitrate_bps = 200'000});
  EXPECT_EQ(video->track().codec, VideoCodec::h264);
  EXPECT_EQ(video->track().width_px, 320);
  EXPECT_EQ(video->track().height_px, 240);
  EXPECT_EQ(video->track().fps, 10);
  EXPECT_EQ(video->track().reorder_frames, 0);
  EXPECT_FALSE(video->track().extradata.empty());
}

TEST(VideoEncoderTest, PacketsCanBeDecoded) {
  const auto video = encoder({.width_px = 320, .height_px = 240, .fps = 10, .gop_frames = 5, .bitrate_bps = 200'000});
  auto packet = video->encode(grey(320, 240, 90), 0);
  ASSERT_TRUE(packet);
  packet->info = std::make_shared<StreamInfo>(StreamInfo{video->track(), {}});
  const auto jpeg = jpeg_from_keyframe(*packet, {});
  ASSERT_TRUE(jpeg) << jpeg.error().message;
  EXPECT_EQ(jpeg->width_px, 320);
}

TEST(VideoEncoderTest, BitRateIsKept) {
  constexpr int kBitsPerSecond = 300'000;
  constexpr int kFrames = 100;
  const auto video =
      encoder({.width_px = 320, .height_px = 240, .fps = 10, .gop_frames = 20, .bitrate_bps = kBitsPerSecond});
  Picture noise = grey(320, 240, 0);
  uint32_t random = 1;
  size_t bytes = 0;
  for (int i = 0; i < kFrames; ++i) {
    for (uint8_t& y : noise.y) y = static_cast<uint8_t>((random = random * 1664525 + 1013904223) >> 24);
    bytes += video->encode(noise, i)->payload().size();
  }
  EXPECT_LT(bytes, kBitsPerSecond / 8 * 13);  // 10 s, and what the rate buffer may run ahead
}

TEST(VideoEncoderTest, WrongSizesAreRefused) {
  EXPECT_EQ(VideoEncoder::create({.width_px = 321, .height_px = 240}).error().code, Code::invalid_argument);
  EXPECT_EQ(VideoEncoder::create({.width_px = 0, .height_px = 0}).error().code, Code::invalid_argument);
  const auto video = encoder({.width_px = 320, .height_px = 240});
  EXPECT_EQ(video->encode(grey(640, 480, 0), 0).error().code, Code::invalid_argument);
  Picture cut = grey(320, 240, 0);
  cut.v.pop_back();
  EXPECT_EQ(video->encode(cut, 0).error().code, Code::invalid_argument);
}

TEST(AudioEncoderTest, SamplesBecomePacketsOneFrameLate) {
  auto audio = AudioEncoder::create(16000, 32'000);
  ASSERT_TRUE(audio) << audio.error().message;
  EXPECT_EQ((*audio)->track().codec, AudioCodec::aac);
  EXPECT_EQ((*audio)->track().sample_rate_hz, 16000);
  EXPECT_EQ((*audio)->track().channels, 1);
  EXPECT_EQ((*audio)->track().extradata.size(), 5u);  // AudioSpecificConfig of AAC-LC with its SBR sync extension
  std::vector<float> tone(AudioEncoder::kFrameSamples);
  size_t packets = 0;
  for (int i = 0; i < 20; ++i) {
    for (size_t s = 0; s < tone.size(); ++s)
      tone[s] = 0.5F * std::sin(static_cast<float>(s) * std::numbers::pi_v<float> / 20);
    auto out = (*audio)->encode(tone);
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(out->size(), i == 0 ? 0u : 1u);
    for (const Packet& p : *out) {
      EXPECT_EQ(p.track, Track::audio);
      EXPECT_TRUE(p.keyframe);
      ++packets;
    }
  }
  EXPECT_EQ(packets, 19u);
}

TEST(AudioEncoderTest, WrongInputIsRefused) {
  EXPECT_EQ(AudioEncoder::create(12345, 32'000).error().code, Code::invalid_argument);
  auto audio = AudioEncoder::create(48000, 64'000);
  ASSERT_TRUE(audio);
  EXPECT_EQ((*audio)->encode(std::vector<float>(1000)).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace vedette
