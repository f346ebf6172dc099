// Raw pictures in, H.264 out: what is asked of the encoder is what comes of it.
#include "media/live_encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "media/picture_converter.h"
#include "media/video_probe.h"
#include "media/video_profile.h"

namespace vedette {
namespace {

constexpr int kFps = 30;

// A picture that moves, with noise that costs bits.
class Scene {
 public:
  explicit Scene(FrameSize size) {
    picture_.width_px = size.width_px;
    picture_.height_px = size.height_px;
    const auto luma = static_cast<size_t>(size.width_px) * static_cast<size_t>(size.height_px);
    picture_.y.resize(luma);
    picture_.u.assign(luma / 4, 128);
    picture_.v.assign(luma / 4, 128);
  }
  const Picture& next() {
    for (size_t i = 0; i < picture_.y.size(); ++i)
      picture_.y[i] = static_cast<uint8_t>(64 + (i + 3 * frame_) % 64 + random_() % 48);
    ++frame_;
    return picture_;
  }

 private:
  Picture picture_;
  size_t frame_ = 0;
  std::minstd_rand random_;
};

std::unique_ptr<LiveEncoder> open(const EncodeSettings& settings, FrameSize size = {640, 360}, bool slot = false) {
  LiveEncoder::Input input;
  input.size = size;
  input.fps = kFps;
  input.takes_slot = slot;
  input.capture = "a scene";
  auto encoder = LiveEncoder::open(settings, input);
  EXPECT_TRUE(encoder) << encoder.error().message;
  return encoder ? std::move(*encoder) : nullptr;
}

std::vector<Packet> encode(LiveEncoder& encoder, FrameSize size, int frames) {
  Scene scene(size);
  std::vector<Packet> out;
  for (int i = 0; i < frames; ++i) {
    auto packets = encoder.encode(scene.next(), MonoTime(milliseconds(1000 + 33 * i)));
    EXPECT_TRUE(packets);
    for (Packet& packet : *packets) out.push_back(std::move(packet));
  }
  return out;
}

size_t bytes_of(const std::vector<Packet>& packets) {
  size_t sum = 0;
  for (const Packet& packet : packets) sum += packet.payload().size();
  return sum;
}

EncodeSettings in_software() {
  EncodeSettings settings;
  settings.hardware = false;
  return settings;
}

TEST(LiveEncoderTest, PicturesKeepTheirTimes) {
  const auto encoder = open(in_software());
  const auto packets = encode(*encoder, {640, 360}, 10);
  ASSERT_EQ(packets.size(), 10u);
  for (int i = 0; i < 10; ++i) {
    const Packet& packet = packets[static_cast<size_t>(i)];
    EXPECT_EQ(packet.pts, MonoTime(milliseconds(1000 + 33 * i)));
    EXPECT_EQ(packet.dts, packet.pts);
    EXPECT_EQ(packet.info, packets.front().info);
  }
  EXPECT_EQ(packets.front().info->capture, "a scene, encoded by libx264");
}

TEST(LiveEncoderTest, ProfileIsAsAskedFor) {
  for (const auto& [asked, got] :
       {std::pair{"baseline", "constrained baseline"}, std::pair{"main", "main"}, std::pair{"high", "high"}}) {
    EncodeSettings settings = in_software();
    settings.profile = asked;
    const auto encoder = open(settings);
    EXPECT_EQ(video_profile(encoder->info()->video), got);
  }
}

TEST(LiveEncoderTest, GopIsAsLongAsAskedFor) {
  EncodeSettings settings = in_software();
  settings.gop = 500ms;
  const auto encoder = open(settings);
  const auto packets = encode(*encoder, {640, 360}, 40);
  for (size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(packets[i].keyframe, i % 15 == 0) << i;
}

TEST(LiveEncoderTest, FinerQualityTakesMoreBits) {
  std::vector<size_t> sizes;
  for (const int crf : {18, 23, 28}) {
    EncodeSettings settings = in_software();
    settings.crf = crf;
    settings.max_bitrate_bps = 100'000'000;
    sizes.push_back(bytes_of(encode(*open(settings), {640, 360}, 30)));
  }
  EXPECT_GT(sizes[0], sizes[1] * 5 / 4);
  EXPECT_GT(sizes[1], sizes[2] * 5 / 4);
}

TEST(LiveEncoderTest, BitRateStaysBelowTheMost) {
  constexpr int64_t kMost = 1'000'000;
  constexpr int kSeconds = 6;
  for (const char* preset : {"ultrafast", "veryfast", "medium"}) {
    EncodeSettings settings = in_software();
    settings.preset = preset;
    settings.max_bitrate_bps = kMost;
    settings.crf = 18;
    const auto packets = encode(*open(settings), {640, 360}, kSeconds * kFps);
    const auto bps = static_cast<int64_t>(bytes_of(packets)) * 8 / kSeconds;
    EXPECT_LE(bps, kMost * 11 / 10) << preset;
    EXPECT_GT(bps, kMost / 2) << preset << ": the scene would take more";
  }
}

TEST(LiveEncoderTest, WithoutHardwareTheProcessorTakesItsPlace) {
  EncodeSettings settings;
  ASSERT_TRUE(settings.hardware);
  const auto encoder = open(settings);
  ASSERT_TRUE(encoder);
  const auto packets = encode(*encoder, {640, 360}, 30);
  ASSERT_FALSE(packets.empty());
  EXPECT_TRUE(packets.front().keyframe);
  EXPECT_FALSE(packets.front().info->video.extradata.empty());
  EXPECT_TRUE(probe_video(packets.front().info->video, packets.front().payload()));
  if (encoder->name() != "libx264") GTEST_SKIP() << "encoded in hardware: " << encoder->name();
  EXPECT_EQ(packets.size(), 30u);
}

TEST(LiveEncoderTest, NoMoreEncodersThanSlotsAndTheyComeBack) {
  EncoderSlots& slots = EncoderSlots::of_process();
  slots.set_most(2);
  {
    const auto first = open(in_software(), {64, 64}, true);
    const auto second = open(in_software(), {64, 64}, true);
    LiveEncoder::Input input;
    input.size = {64, 64};
    const auto third = LiveEncoder::open(in_software(), input);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, Code::busy);
    EXPECT_NE(third.error().message.find("encode.slots"), std::string::npos) << third.error().message;
  }
  EXPECT_TRUE(open(in_software(), {64, 64}, true));
  slots.set_most(0);
  EXPECT_GE(slots.most(), 1);
}

TEST(EncodedSizeTest, IsEvenAndInProportion) {
  EXPECT_EQ(encoded_size({1280, 720}, 0), (FrameSize{1280, 720}));
  EXPECT_EQ(encoded_size({641, 481}, 0), (FrameSize{640, 480}));
  EXPECT_EQ(encoded_size({1920, 1080}, 1280), (FrameSize{1280, 720}));
  EXPECT_EQ(encoded_size({1000, 333}, 1280), (FrameSize{1280, 426}));
  EXPECT_EQ(encoded_size({640, 480}, 100), (FrameSize{100, 76}));
}

// A grey wedge in each raw format, lines longer than the picture.
std::vector<uint8_t> wedge(const PictureConverter::Input& input) {
  std::vector<uint8_t> bytes(PictureConverter::frame_bytes(input), 128);
  const bool packed = input.format == PixelFormat::yuyv;
  for (int y = 0; y < input.size.height_px; ++y)
    for (int x = 0; x < input.size.width_px; ++x)
      bytes[static_cast<size_t>(y * input.stride_bytes + (packed ? 2 * x : x))] = static_cast<uint8_t>(16 + x);
  return bytes;
}

TEST(PictureConverterTest, EveryRawFormatGivesItsPictureWhateverTheStride) {
  for (const PixelFormat format : {PixelFormat::yuyv, PixelFormat::nv12, PixelFormat::yu12})
    for (const int padding : {0, 2, 66}) {
      const int least = format == PixelFormat::yuyv ? 320 : 160;
      const PictureConverter::Input input{format, {160, 96}, least + padding};
      const auto converter = PictureConverter::create(input, {160, 96});
      ASSERT_TRUE(converter);
      const auto picture = (*converter)->convert(wedge(input));
      ASSERT_TRUE(picture) << picture.error().message;
      for (const int y : {0, 50, 95})
        for (const int x : {0, 77, 159})
          EXPECT_NEAR((*picture)->y[static_cast<size_t>(y * 160 + x)], 16 + x, 1) << static_cast<int>(format);
      EXPECT_NEAR((*picture)->u[1000], 128, 1);
      EXPECT_NEAR((*picture)->v[1000], 128, 1);
    }
}

TEST(PictureConverterTest, ScalesAsAskedFor) {
  const PictureConverter::Input input{PixelFormat::nv12, {160, 96}, 160};
  const auto converter = PictureConverter::create(input, encoded_size(input.size, 80));
  ASSERT_TRUE(converter);
  const auto picture = (*converter)->convert(wedge(input));
  ASSERT_TRUE(picture);
  EXPECT_EQ((*picture)->width_px, 80);
  EXPECT_EQ((*picture)->height_px, 48);
  EXPECT_NEAR((*picture)->y[80 * 20 + 40], 16 + 80, 2);
}

TEST(PictureConverterTest, ShortFramesAreRefused) {
  const PictureConverter::Input input{PixelFormat::yuyv, {160, 96}, 320};
  const auto converter = PictureConverter::create(input, {160, 96});
  auto bytes = wedge(input);
  bytes.pop_back();
  EXPECT_EQ((*converter)->convert(bytes).error().code, Code::invalid_argument);
  EXPECT_EQ(PictureConverter::create(input, {159, 96}).error().code, Code::invalid_argument);
}

TEST(PictureConverterTest, WhatIsNoJpegIsRefused) {
  const auto converter = PictureConverter::create({PixelFormat::mjpeg, {160, 96}, 0}, {160, 96});
  ASSERT_TRUE(converter);
  EXPECT_EQ((*converter)->convert(std::vector<uint8_t>(500, 7)).error().code, Code::invalid_argument);
  EXPECT_EQ((*converter)->convert({}).error().code, Code::invalid_argument);
}

TEST(AudioBitRateTest, IsKept) {
  constexpr int kRate = 48'000, kSeconds = 5;
  for (const int bitrate : {64'000, 128'000, 192'000}) {
    const auto encoder = AudioEncoder::create(kRate, bitrate);
    ASSERT_TRUE(encoder);
    std::minstd_rand random;
    size_t bytes = 0;
    for (int i = 0; i < kRate * kSeconds / AudioEncoder::kFrameSamples; ++i) {
      std::vector<float> noise(AudioEncoder::kFrameSamples);
      for (float& sample : noise) sample = static_cast<float>(random() % 2000) / 2000.0F - 0.5F;
      const auto packets = (*encoder)->encode(noise);
      ASSERT_TRUE(packets);
      for (const Packet& packet : *packets) bytes += packet.payload().size();
    }
    EXPECT_NEAR(static_cast<double>(bytes) * 8 / kSeconds, bitrate, bitrate / 10.0);
  }
}

}  // namespace
}  // namespace vedette
