#include "media/packet.h"

#include <gtest/gtest.h>

#include <array>

#include "media/libav.h"

namespace vedette {
namespace {

TEST(PacketTest, PayloadIsACopyOfTheBytes) {
  std::array<uint8_t, 4> bytes{1, 2, 3, 4};
  Packet packet;
  packet.data = Payload::copy_of(bytes);
  bytes[0] = 9;
  EXPECT_EQ(std::vector<uint8_t>(packet.payload().begin(), packet.payload().end()), (std::vector<uint8_t>{1, 2, 3, 4}));
}

TEST(PacketTest, CopiesShareThePayload) {
  Packet packet;
  packet.data = Payload::copy_of(std::array<uint8_t, 2>{1, 2});
  const Packet copy = packet;
  EXPECT_EQ(copy.payload().data(), packet.payload().data());
}

TEST(PacketTest, EmptyPacketHasNoPayload) {
  EXPECT_TRUE(Packet{}.payload().empty());
}

TEST(StreamInfoTest, FrameRateDoesNotMatterForOneFile) {
  StreamInfo a;
  a.video = {VideoCodec::h264, 640, 360, 25, 0, {1, 2, 3}};
  StreamInfo b = a;
  b.video.fps = 12.5;
  EXPECT_TRUE(a.compatible(b));
}

TEST(StreamInfoTest, SizeParametersCodecAndSoundMatterForOneFile) {
  StreamInfo a;
  a.video = {VideoCodec::h264, 640, 360, 25, 0, {1, 2, 3}};
  a.audio = AudioTrack{AudioCodec::aac, 16000, 1, {}};
  StreamInfo size = a, sets = a, codec = a, rate = a, silent = a;
  size.video.width_px = 1280;
  sets.video.extradata = {1, 2, 4};
  codec.video.codec = VideoCodec::h265;
  rate.audio->sample_rate_hz = 8000;
  silent.audio.reset();
  for (const StreamInfo& other : {size, sets, codec, rate, silent}) EXPECT_FALSE(a.compatible(other));
}

TEST(LibavTest, CodecsMapBothWays) {
  for (const VideoCodec codec : {VideoCodec::h264, VideoCodec::h265, VideoCodec::mpeg4, VideoCodec::mjpeg})
    EXPECT_EQ(libav::video_codec(libav::codec_id(codec)), codec);
  for (const AudioCodec codec :
       {AudioCodec::aac, AudioCodec::pcmu, AudioCodec::pcma, AudioCodec::mp3, AudioCodec::opus})
    EXPECT_EQ(libav::audio_codec(libav::codec_id(codec)), codec);
  EXPECT_FALSE(libav::video_codec(AV_CODEC_ID_GIF));
}

TEST(LibavTest, ParametersHoldWhatTheTrackHolds) {
  const libav::ParametersPtr parameters(avcodec_parameters_alloc());
  libav::to_parameters(VideoTrack{VideoCodec::h264, 640, 360, 25, 2, {1, 2, 3}}, parameters.get());
  EXPECT_EQ(parameters->codec_id, AV_CODEC_ID_H264);
  EXPECT_EQ(parameters->width, 640);
  EXPECT_EQ(parameters->video_delay, 2);
  ASSERT_EQ(parameters->extradata_size, 3);
  EXPECT_EQ(parameters->extradata[2], 3);
  libav::to_parameters(AudioTrack{AudioCodec::aac, 16000, 1, {}}, parameters.get());
  EXPECT_EQ(parameters->codec_type, AVMEDIA_TYPE_AUDIO);
  EXPECT_EQ(parameters->ch_layout.nb_channels, 1);
  EXPECT_EQ(parameters->extradata_size, 0);
}

TEST(LibavTest, ErrorsOfServersBecomeCodesOfTheContract) {
  EXPECT_EQ(libav::code_of(AVERROR_HTTP_UNAUTHORIZED), Code::forbidden);
  EXPECT_EQ(libav::code_of(AVERROR_HTTP_FORBIDDEN), Code::forbidden);
  EXPECT_EQ(libav::code_of(AVERROR_HTTP_NOT_FOUND), Code::not_found);
  EXPECT_EQ(libav::code_of(AVERROR_HTTP_SERVER_ERROR), Code::busy);
  EXPECT_EQ(libav::code_of(AVERROR(ECONNREFUSED)), Code::camera_unavailable);
  EXPECT_EQ(libav::code_of(AVERROR(EHOSTUNREACH)), Code::camera_unavailable);
  EXPECT_EQ(libav::code_of(AVERROR_PROTOCOL_NOT_FOUND), Code::unsupported);
}

}  // namespace
}  // namespace vedette
