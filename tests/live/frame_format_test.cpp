#include "live/frame_format.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/live/frame_reader.h"

namespace vedette::frames {
namespace {

using test::FrameReader;

const std::string kToken(32, 'a');

std::string error_of(const std::string& received) {
  const auto hello = read_hello(received);
  return hello ? "" : hello.error().message;
}

TEST(FrameFormatTest, AHelloIsReadOnceItIsWhole) {
  const std::string bytes = FrameReader::hello({{"v", 1}, {"token", kToken}, {"camera_id", "front"}});
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto part = read_hello(bytes.substr(0, i));
    ASSERT_TRUE(part && !*part) << "of " << i << " bytes";
  }
  const auto hello = read_hello(bytes);
  ASSERT_TRUE(hello && *hello);
  EXPECT_EQ((*hello)->token, kToken);
  EXPECT_EQ((*hello)->camera_id, "front");
}

TEST(FrameFormatTest, WhatIsNoHelloIsRefused) {
  const std::string good = FrameReader::hello({{"v", 1}, {"token", kToken}});
  EXPECT_EQ(error_of(good), "");
  EXPECT_NE(error_of(good + "x"), "") << "more than the hello";
  EXPECT_NE(error_of("GET / HTTP/1.1\r\n\r\n"), "");
  std::string other = good;
  other[4] = 3;
  EXPECT_NE(error_of(other), "") << "another kind";
  other = good;
  other[7] = 1;
  EXPECT_NE(error_of(other), "") << "a reserved byte";
  other = good;
  other[3] = 0x7f;
  EXPECT_NE(error_of(other.substr(0, kPrefixBytes)), "") << "too long, known by its first bytes";
  for (const Json& body : {Json({{"v", 2}, {"token", kToken}}), Json({{"v", 1}}), Json({{"token", kToken}}),
                           Json({{"v", 1}, {"token", kToken}, {"more", 1}}), Json({{"v", 1}, {"token", "AAAA"}}),
                           Json({{"v", 1}, {"token", std::string(32, 'A')}}), Json({{"v", 1}, {"token", 5}}),
                           Json({{"v", 1}, {"token", kToken}, {"camera_id", "../x"}}), Json::array(), Json("x")})
    EXPECT_NE(error_of(FrameReader::hello(body)), "") << body;
}

TEST(FrameFormatTest, AFrameHeadHasEachFieldInItsPlace) {
  Packet packet;
  const std::string payload = "payload";
  packet.data = Payload::copy_of({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()});
  packet.pts = MonoTime(microseconds(0x0102030405060708));
  packet.dts = MonoTime(microseconds(-2));
  packet.arrival_utc = UtcTime(microseconds(3));
  packet.camera_utc = UtcTime(microseconds(4));
  packet.duration = 5us;
  packet.lost_before = 6;
  packet.keyframe = true;
  packet.track = Track::audio;
  const FrameHead head = frame_head(packet, 7);
  const FrameHead expected = {
      63,   0,    0,    0,    3,    0,    0,    0,     // 56 and the payload; a frame
      1,    3,    0,    0,    6,    0,    0,    0,     // audio; keyframe, camera time; lost before
      7,    0,    0,    0,    0,    0,    0,    0,     // sequence
      8,    7,    6,    5,    4,    3,    2,    1,     // pts
      0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // dts
      3,    0,    0,    0,    0,    0,    0,    0,     // arrival
      4,    0,    0,    0,    0,    0,    0,    0,     // camera time
      5,    0,    0,    0,    7,    0,    0,    0,     // duration; payload
  };
  EXPECT_EQ(head, expected);
}

TEST(FrameFormatTest, AStreamIsDescribedWithWhatADecoderNeeds) {
  auto info = std::make_shared<StreamInfo>();
  info->video.codec = VideoCodec::h265;
  info->video.width_px = 1920;
  info->video.height_px = 1080;
  info->video.extradata = {1, 2, 3};
  info->audio = AudioTrack{AudioCodec::aac, 16000, 1, {0x14, 0x08}};
  Packet packet;
  packet.info = info;
  const Json expected = {
      {"format", "vedette-frames-1"},
      {"video",
       {{"codec", "h265"},
        {"framing", "lengths"},
        {"width_px", 1920},
        {"height_px", 1080},
        {"reorder_frames", 0},
        {"extradata", "AQID"}}},
      {"audio", {{"codec", "aac"}, {"sample_rate_hz", 16000}, {"channels", 1}, {"extradata", "FAg="}}}};
  EXPECT_EQ(describe(packet), expected);
}

}  // namespace
}  // namespace vedette::frames
