#include "media/jpeg.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "media/decode.h"
#include "media/demuxer.h"
#include "media/nal.h"
#include "tests/support/media.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

using test::Footage;
using test::footage;

// The first keyframe of a file, or the one after so many others.
Packet keyframe_of(const std::filesystem::path& path, int skip = 0) {
  auto demuxer = Demuxer::open(path, {.live = false}, {});
  EXPECT_TRUE(demuxer) << path << ": " << demuxer.error().message;
  while (demuxer) {
    auto read = (*demuxer)->read(Clock::system().mono() + 30s, {});
    EXPECT_TRUE(read && *read) << path;
    if (!read || !*read) break;
    if ((*read)->track != Track::video || !(*read)->keyframe || skip-- > 0) continue;
    Packet packet;
    packet.data = (*read)->data;
    packet.info = (*read)->info;
    packet.keyframe = true;
    return packet;
  }
  return {};
}

// A keyframe of a picture that ffmpeg draws, 4:2:0 or as said.
Packet drawn(const std::string& size, const std::vector<std::string>& codec, const std::string& container = "mp4") {
  const test::TempDir dir;
  const auto path = dir.path() / ("a." + container);
  std::vector<std::string> command{"ffmpeg",   "-v",        "error", "-f",  "lavfi",        "-i",
                                   "testsrc2", "-frames:v", "3",     "-vf", "scale=" + size};
  command.insert(command.end(), codec.begin(), codec.end());
  command.push_back(path);
  test::run_or_throw(command);
  return keyframe_of(path);
}

Packet with_payload(const Packet& packet, std::span<const uint8_t> payload) {
  Packet other = packet;
  other.data = Payload::copy_of(payload);
  return other;
}

// What a JPEG decodes to.
libav::FramePtr decoded(const Jpeg& jpeg) {
  VideoTrack track;
  track.codec = VideoCodec::mjpeg;
  auto frame = libav::decode_keyframe(track, jpeg.bytes);
  EXPECT_TRUE(frame) << frame.error().message;
  return frame ? std::move(frame->frame) : nullptr;
}

Jpeg take(const Packet& keyframe, const JpegOptions& options = {}) {
  auto jpeg = jpeg_from_keyframe(keyframe, options);
  EXPECT_TRUE(jpeg) << jpeg.error().message;
  return jpeg ? std::move(*jpeg) : Jpeg{};
}

void expect_picture(const Packet& keyframe, int width, int height) {
  const Jpeg jpeg = take(keyframe);
  EXPECT_EQ(jpeg.width_px, width);
  EXPECT_EQ(jpeg.height_px, height);
  const libav::FramePtr picture = decoded(jpeg);
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->width, width);
  EXPECT_EQ(picture->height, height);
}

double mean_luma(const AVFrame& frame) {
  double sum = 0;
  for (int y = 0; y < frame.height; ++y)
    for (int x = 0; x < frame.width; ++x) sum += frame.data[0][y * frame.linesize[0] + x];
  return sum / frame.height / frame.width;
}

TEST(JpegTest, KeyframesOfEveryCodecBecomePictures) {
  expect_picture(keyframe_of(footage(Footage::h264_aac_1080p25)), 1920, 1080);
  expect_picture(keyframe_of(footage(Footage::h264_bframes_aac), 1), 1280, 720);
  expect_picture(keyframe_of(footage(Footage::h265_pcma), 1), 1920, 1080);
  expect_picture(keyframe_of(footage(Footage::mpeg4_aac)), 768, 432);
  expect_picture(keyframe_of(footage(Footage::mjpeg)), 640, 360);
}

TEST(JpegTest, RealFootageBecomesPictures) {
  for (const auto& path : test::real_footage())
    for (const int skip : {0, 1}) {
      const Packet keyframe = keyframe_of(path, skip);
      ASSERT_FALSE(keyframe.payload().empty()) << path;
      const VideoTrack& track = keyframe.info->video;
      expect_picture(keyframe, track.width_px, track.height_px);
    }
}

TEST(JpegTest, AnnexBWithParameterSetsOnlyInTheExtradata) {
  Packet keyframe = keyframe_of(footage(Footage::h264_size_change));
  std::vector<uint8_t> slices;
  nal::for_each_in_byte_stream(keyframe.payload(), [&](nal::View unit) {
    constexpr int kIdrSlice = 5;
    if ((unit[0] & 0x1f) != kIdrSlice) return;
    slices.insert(slices.end(), {0, 0, 0, 1});
    slices.insert(slices.end(), unit.begin(), unit.end());
  });
  ASSERT_FALSE(slices.empty());
  expect_picture(with_payload(keyframe, slices), 640, 360);
}

TEST(JpegTest, OddAndTinySizesWork) {
  const std::vector<std::string> h264{"-c:v", "libx264", "-pix_fmt", "yuv444p"};
  const std::vector<std::string> mjpeg{"-c:v", "mjpeg", "-pix_fmt", "yuvj420p"};
  expect_picture(drawn("1x1", h264), 1, 1);
  expect_picture(drawn("33x17", h264), 33, 17);
  expect_picture(drawn("1x1", mjpeg, "avi"), 1, 1);
  expect_picture(drawn("2x99", mjpeg, "avi"), 2, 99);
  const Jpeg narrow = take(drawn("640x16", h264), {.width_px = 3});
  EXPECT_EQ(narrow.width_px, 3);
  EXPECT_EQ(narrow.height_px, 1);
}

TEST(JpegTest, BrightnessStaysWhetherTheSourceIsFullRangeOrNot) {
  for (const char* format : {"yuv420p", "yuvj420p", "yuv422p", "yuvj444p"}) {
    const std::string range = std::string(format).find('j') == std::string::npos ? "tv" : "pc";
    const test::TempDir dir;
    const auto path = dir.path() / "white.mp4";
    test::run_or_throw({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=white:size=320x240", "-frames:v", "2",
                        "-c:v", "libx264", "-pix_fmt", format, "-color_range", range, path});
    const libav::FramePtr picture = decoded(take(keyframe_of(path)));
    ASSERT_TRUE(picture);
    EXPECT_GT(mean_luma(*picture), 251) << format;
  }
}

TEST(JpegTest, WidthIsScaledDownAndNeverUp) {
  const Packet keyframe = keyframe_of(footage(Footage::mpeg4_aac));
  const Jpeg small = take(keyframe, {.width_px = 320});
  EXPECT_EQ(small.width_px, 320);
  EXPECT_EQ(small.height_px, 180);
  EXPECT_EQ(decoded(small)->width, 320);
  EXPECT_EQ(take(keyframe, {.width_px = 5000}).width_px, 768);
}

TEST(JpegTest, BetterQualityTakesMoreBytes) {
  const Packet keyframe = keyframe_of(footage(Footage::mpeg4_aac));
  size_t before = 0;
  for (const int quality : {1, 25, 50, 75, 85, 95}) {
    const size_t bytes = take(keyframe, {.quality = quality}).bytes.size();
    EXPECT_GT(bytes, before) << quality;
    before = bytes;
  }
}

TEST(JpegTest, ShrinksUntilItFits) {
  const Packet keyframe = keyframe_of(footage(Footage::h264_aac_1080p25));
  for (const size_t limit : {96u * 1024, 20'000u, 3'000u}) {
    const Jpeg jpeg = take(keyframe, {.quality = 85, .most_bytes = limit});
    EXPECT_LE(jpeg.bytes.size(), limit);
    EXPECT_GT(jpeg.bytes.size(), limit / 3);  // no smaller than it must be, about
    EXPECT_NEAR(jpeg.height_px * 16.0 / 9, jpeg.width_px, 1.5);
  }
  EXPECT_EQ(jpeg_from_keyframe(keyframe, {.most_bytes = 100}).error().code, Code::payload_too_large);
}

TEST(JpegTest, WhatIsNoKeyframeIsRefused) {
  EXPECT_EQ(jpeg_from_keyframe(Packet{}, {}).error().code, Code::invalid_argument);
  const Packet keyframe = keyframe_of(footage(Footage::mjpeg));
  Packet audio = keyframe;
  audio.track = Track::audio;
  EXPECT_EQ(jpeg_from_keyframe(audio, {}).error().code, Code::invalid_argument);
  EXPECT_FALSE(jpeg_from_keyframe(with_payload(keyframe, {}), {}));
}

class DamageTest : public testing::TestWithParam<Footage> {};

TEST_P(DamageTest, EndsInAnErrorOrAPictureButNeverInACrash) {
  const Packet keyframe = keyframe_of(footage(GetParam()));
  const std::vector<uint8_t> good(keyframe.payload().begin(), keyframe.payload().end());
  std::mt19937 random(7);
  for (int round = 0; round < 25; ++round) {
    std::vector<uint8_t> bad = good;
    if (round % 3 == 0) bad.resize(random() % bad.size());
    for (unsigned i = 0; i < (round % 3 == 1 ? 200u : 5u) && !bad.empty(); ++i)
      bad[random() % bad.size()] = static_cast<uint8_t>(random());
    const auto jpeg = jpeg_from_keyframe(with_payload(keyframe, bad), {.width_px = 160});
    EXPECT_TRUE(jpeg || !jpeg.error().message.empty());
  }
  std::vector<uint8_t> noise(5000);
  for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
  EXPECT_FALSE(jpeg_from_keyframe(with_payload(keyframe, noise), {}));
}

INSTANTIATE_TEST_SUITE_P(Codecs, DamageTest,
                         testing::Values(Footage::h264_bframes_aac, Footage::h265_pcma, Footage::mpeg4_aac,
                                         Footage::mjpeg));

TEST(JpegTest, HalfAKeyframeIsAnError) {
  for (const Footage kind : {Footage::h264_bframes_aac, Footage::h264_size_change, Footage::h265_pcma}) {
    const Packet keyframe = keyframe_of(footage(kind));
    EXPECT_FALSE(
        jpeg_from_keyframe(with_payload(keyframe, keyframe.payload().first(keyframe.payload().size() / 2)), {}));
  }
}

// A JPEG as a camera makes one, by ffmpeg.
std::vector<uint8_t> camera_jpeg(const std::string& size, const std::string& format = "yuvj420p") {
  const test::TempDir dir;
  const auto path = dir.path() / "a.jpg";
  test::run_or_throw({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2", "-frames:v", "1", "-vf",
                      "scale=" + size + ",format=" + format, path.string()});
  const std::string text = test::read_text(path);
  return {text.begin(), text.end()};
}

TEST(JpegFromJpegTest, WhatNeedNotBeChangedIsNot) {
  for (const char* format : {"yuvj420p", "yuvj422p", "yuvj444p"}) {
    const auto bytes = camera_jpeg("640x360", format);
    for (const JpegOptions& options : {JpegOptions{}, JpegOptions{.width_px = 640}, JpegOptions{.width_px = 7680},
                                       JpegOptions{.most_bytes = bytes.size()}}) {
      const auto jpeg = jpeg_from_jpeg(bytes, options);
      ASSERT_TRUE(jpeg) << jpeg.error().message;
      EXPECT_EQ(jpeg->bytes, bytes);
      EXPECT_EQ(jpeg->width_px, 640);
      EXPECT_EQ(jpeg->height_px, 360);
    }
  }
}

TEST(JpegFromJpegTest, OtherSizesQualitiesAndLimitsAreEncodedAgain) {
  const auto bytes = camera_jpeg("1280x720");
  const auto narrow = jpeg_from_jpeg(bytes, {.width_px = 320});
  ASSERT_TRUE(narrow) << narrow.error().message;
  EXPECT_EQ(narrow->width_px, 320);
  EXPECT_EQ(narrow->height_px, 180);
  EXPECT_EQ(decoded(*narrow)->width, 320);
  const auto coarse = jpeg_from_jpeg(bytes, {.quality = 5});
  ASSERT_TRUE(coarse);
  EXPECT_EQ(coarse->width_px, 1280);
  EXPECT_LT(coarse->bytes.size(), bytes.size());
  const auto small = jpeg_from_jpeg(bytes, {.most_bytes = 20'000});
  ASSERT_TRUE(small);
  EXPECT_LE(small->bytes.size(), 20'000u);
}

TEST(JpegFromJpegTest, WhatIsDamagedOrNoneIsRefused) {
  const auto bytes = camera_jpeg("640x360");
  std::vector<std::vector<uint8_t>> bad = {{}, {0xff}, {0xff, 0xd8}, {0xff, 0xd8, 0xff, 0xd9}, {'G', 'I', 'F', '8'}};
  for (const size_t percent : {1, 10, 50, 90, 99}) {
    bad.emplace_back(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(bytes.size() * percent / 100));
    auto ended = bad.back();  // cut out of the middle, with an end
    ended.insert(ended.end(), {0xff, 0xd9});
    bad.push_back(std::move(ended));
  }
  for (const auto& one : bad) {
    const auto jpeg = jpeg_from_jpeg(one, {});
    ASSERT_FALSE(jpeg) << one.size() << " of " << bytes.size();
    EXPECT_EQ(jpeg.error().code, Code::unsupported);
  }
}

// 65,000 x 65,000 says the head; nothing of that size is set aside.
TEST(JpegFromJpegTest, AHugePictureIsRefusedByItsHead) {
  auto bytes = camera_jpeg("640x360");
  constexpr std::array<uint8_t, 2> kSof{0xff, 0xc0};
  const auto sof = std::search(bytes.begin(), bytes.end(), kSof.begin(), kSof.end());
  ASSERT_LT(sof - bytes.begin(), static_cast<ptrdiff_t>(bytes.size()) - 9);
  for (const int at : {5, 6, 7, 8}) sof[at] = 0xfd;
  const auto jpeg = jpeg_from_jpeg(bytes, {});
  ASSERT_FALSE(jpeg);
  EXPECT_EQ(jpeg.error().code, Code::unsupported);
}

}  // namespace
}  // namespace vedette
