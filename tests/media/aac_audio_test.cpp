#include "media/aac_audio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "media/mp4_writer.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

constexpr int kRate = 8000;
constexpr int kSamplesPerPacket = 160;  // 20 ms, as RTP carries G.711
constexpr microseconds kPacket = 20ms;
constexpr MonoTime kBegin{std::chrono::hours(1)};

StreamInfoPtr stream(AudioCodec codec, int rate = kRate) {
  StreamInfo info;
  info.video.codec = VideoCodec::h264;
  info.audio = AudioTrack{codec, rate, 1, {}};
  return std::make_shared<StreamInfo>(info);
}

// ITU-T G.711, mu-law.
uint8_t mu_law(double sample) {
  const int value = static_cast<int>(std::min(std::abs(sample) * 32767, 32635.0)) + 132;
  int exponent = 7;
  while (exponent > 0 && value < (1 << (exponent + 7))) --exponent;
  const int mantissa = value >> (exponent + 3) & 15;
  return static_cast<uint8_t>(~((sample < 0 ? 0x80 : 0) | exponent << 4 | mantissa));
}

// A tone of 440 Hz at half of full scale, in packets.
class Tone {
 public:
  explicit Tone(StreamInfoPtr info) : info_(std::move(info)) {}

  Packet next(MonoTime at) {
    std::vector<uint8_t> bytes(kSamplesPerPacket);
    for (uint8_t& byte : bytes) byte = mu_law(0.5 * std::sin(2 * std::numbers::pi * 440 * sample_++ / kRate));
    Packet packet;
    packet.info = info_;
    packet.track = Track::audio;
    packet.keyframe = true;
    packet.pts = packet.dts = at;
    packet.duration = kPacket;
    packet.data = Payload::copy_of(bytes);
    return packet;
  }

 private:
  StreamInfoPtr info_;
  double sample_ = 0;
};

MonoTime at(int packet) {
  return kBegin + packet * kPacket;
}

TEST(AacAudioTest, GivesAacWithoutAHoleAndWithTheTimesOfWhatWentIn) {
  AacAudio aac;
  Tone tone(stream(AudioCodec::pcmu));
  std::vector<Packet> out;
  for (int i = 0; i < 500; ++i) aac.convert(tone.next(at(i)), out);
  ASSERT_GT(out.size(), 70u);  // 10 s
  EXPECT_EQ(out.front().info->audio->codec, AudioCodec::aac);
  EXPECT_EQ(out.front().info->audio->sample_rate_hz, kRate);
  EXPECT_EQ(out.front().pts, kBegin - 128ms) << "the run-up of the encoder";
  for (size_t i = 1; i < out.size(); ++i) EXPECT_EQ(out[i].pts - out[i - 1].pts, 128ms) << i;
  EXPECT_GE(out.back().pts, at(500) - 4 * 128ms);
  EXPECT_EQ(aac.left_out(), "");
}

TEST(AacAudioTest, AHoleAndAStepBackStayWhereTheyAre) {
  AacAudio aac;
  Tone tone(stream(AudioCodec::pcmu));
  std::vector<Packet> out;
  for (int i = 0; i < 100; ++i) aac.convert(tone.next(at(i)), out);
  for (int i = 200; i < 300; ++i) aac.convert(tone.next(at(i)), out);
  for (int i = 150; i < 250; ++i) aac.convert(tone.next(at(i)), out);
  std::vector<microseconds> steps;
  for (size_t i = 1; i < out.size(); ++i)
    if (const microseconds step = out[i].pts - out[i - 1].pts; step != 128ms) steps.push_back(step);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_NEAR(to_ms(steps[0]), 2000, 128 + 128);
  EXPECT_NEAR(to_ms(steps[1]), -3000, 128 + 128);
}

TEST(AacAudioTest, TimesThatWobbleMakeNoHoles) {
  AacAudio aac;
  Tone tone(stream(AudioCodec::pcmu));
  std::vector<Packet> out;
  for (int i = 0; i < 200; ++i) aac.convert(tone.next(at(i) + milliseconds(i % 7 * 10 - 30)), out);
  for (size_t i = 1; i < out.size(); ++i) EXPECT_EQ(out[i].pts - out[i - 1].pts, 128ms) << i;
}

TEST(AacAudioTest, LeavesVideoAndAacAsTheyAre) {
  AacAudio aac;
  const auto info = stream(AudioCodec::aac, 16000);
  Packet audio = Tone(info).next(kBegin);
  Packet video = audio;
  video.track = Track::video;
  std::vector<Packet> out;
  aac.convert(audio, out);
  aac.convert(video, out);
  ASSERT_EQ(out.size(), 2u);
  for (const Packet& packet : out) {
    EXPECT_EQ(packet.info, info);
    EXPECT_EQ(packet.payload().data(), audio.payload().data());
  }
  video.info = stream(AudioCodec::pcma);
  aac.convert(video, out);
  EXPECT_EQ(out.back().info->audio->codec, AudioCodec::aac) << "video and audio are of one stream";
}

TEST(AacAudioTest, LeavesOutWhatItCannotConvertAndSaysWhy) {
  AacAudio aac;
  std::vector<Packet> out;
  Packet video = Tone(stream(AudioCodec::pcmu, 11)).next(kBegin);
  aac.convert(video, out);
  EXPECT_TRUE(out.empty());
  EXPECT_THAT(aac.left_out(), testing::HasSubstr("pcmu audio cannot be made AAC"));
  video.track = Track::video;
  aac.convert(video, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_FALSE(out[0].info->audio);
  video.info = stream(AudioCodec::pcmu);
  aac.convert(video, out);
  EXPECT_EQ(aac.left_out(), "") << "another stream";
}

TEST(AacAudioTest, HostilePacketsAreHoles) {
  AacAudio aac;
  std::vector<Packet> out;
  Packet packet = Tone(stream(AudioCodec::opus, 48000)).next(kBegin);
  for (int i = 0; i < 300; ++i) {
    std::vector<uint8_t> bytes(static_cast<size_t>(i));
    for (size_t k = 0; k < bytes.size(); ++k) bytes[k] = static_cast<uint8_t>(k * 31 + i * 7);
    packet.data = Payload::copy_of(bytes);
    packet.pts = packet.dts = at(i);
    aac.convert(packet, out);
  }
  for (const Packet& one : out) EXPECT_EQ(one.info->audio->codec, AudioCodec::aac);
}

}  // namespace
}  // namespace vedette
