#include "sources/rtsp/sdp.h"

#include <gtest/gtest.h>

#include "sources/rtsp/depacketiser.h"
#include "sources/rtsp/url.h"

namespace vedette::rtsp {
namespace {

Description description(const std::string& text) {
  const auto parsed = parse_sdp(text);
  EXPECT_TRUE(parsed.has_value()) << parsed.error().message;
  return parsed.value_or(Description());
}

TEST(RtspSdpTest, ReadsStreamsWithAllTheirAttributes) {
  const Description d = description(
      "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\na=control:*\r\n"
      "m=video 0 RTP/AVP 96\r\na=control:trackID=0\r\na=framerate:12.5\r\na=rtpmap:96 H264/90000\r\n"
      "a=fmtp:96 packetization-mode=1; profile-level-id=64001E;sprop-parameter-sets=Z2QA,aO4x\r\n"
      "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\na=fmtp:97 mode=AAC-hbr;config=1190\r\n");
  EXPECT_EQ(d.control, "*");
  ASSERT_EQ(d.media.size(), 2u);
  EXPECT_EQ(d.media[0].kind, "video");
  EXPECT_EQ(d.media[0].payload_type, 96);
  EXPECT_EQ(d.media[0].encoding, "H264");
  EXPECT_EQ(d.media[0].clock_rate_hz, 90000);
  EXPECT_EQ(d.media[0].fps, 12.5);
  EXPECT_EQ(d.media[0].control, "trackID=0");
  EXPECT_EQ(d.media[0].format.at("sprop-parameter-sets"), "Z2QA,aO4x");
  EXPECT_EQ(d.media[0].format.at("profile-level-id"), "64001E");
  EXPECT_EQ(d.media[1].encoding, "MPEG4-GENERIC");
  EXPECT_EQ(d.media[1].channels, 2);
}

TEST(RtspSdpTest, StaticTypesNeedNoRtpmap) {
  const Description d = description("m=audio 0 RTP/AVP 8\na=control:1\nm=audio 0 RTP/AVP 0\n");
  EXPECT_EQ(d.media[0].encoding, "PCMA");
  EXPECT_EQ(d.media[0].clock_rate_hz, 8000);
  EXPECT_EQ(d.media[1].encoding, "PCMU");
}

TEST(RtspSdpTest, AnythingElseIsPassedBy) {
  const Description d =
      description("garbage\n=\nm=\na=\nm=video x RTP/AVP y\na=rtpmap:\na=fmtp:96 a=b\na=framerate:x\n");
  EXPECT_FALSE(can_depacketise(d.media.back()));
  EXPECT_EQ(parse_sdp("v=0\r\n").error().code, Code::unsupported);
  EXPECT_EQ(parse_sdp("").error().code, Code::unsupported);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "m=video 0 RTP/AVP 96\n";
  EXPECT_EQ(description(many).media.size(), 32u);
}

TEST(RtspSdpTest, ControlIsBelowTheBaseOrStandsForItself) {
  EXPECT_EQ(control_url("rtsp://c/a/", "trackID=1"), "rtsp://c/a/trackID=1");
  EXPECT_EQ(control_url("rtsp://c/a?x=1&y=2", "trackID=1"), "rtsp://c/a?x=1&y=2/trackID=1");
  EXPECT_EQ(control_url("rtsp://c/a", "*"), "rtsp://c/a");
  EXPECT_EQ(control_url("rtsp://c/a", ""), "rtsp://c/a");
  EXPECT_EQ(control_url("rtsp://c/a", "RTSP://d/b"), "RTSP://d/b");
}

TEST(RtspSdpTest, ParameterSetsGetStartCodes) {
  EXPECT_EQ(parameter_sets_of("Z2QA,aO4"), (std::vector<uint8_t>{0, 0, 0, 1, 0x67, 0x64, 0, 0, 0, 0, 1, 0x68, 0xee}));
  EXPECT_TRUE(parameter_sets_of("!!!,,").empty());
  EXPECT_TRUE(parameter_sets_of("").empty());
}

TEST(RtspSdpTest, WhatThereIsADepacketiserFor) {
  const auto can = [](const std::string& text) { return can_depacketise(description(text).media.at(0)); };
  EXPECT_TRUE(can("m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"));
  EXPECT_TRUE(can("m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-max-don-diff=0\n"));
  EXPECT_FALSE(can("m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-max-don-diff=2\n"));
  EXPECT_FALSE(can("m=video 0 RTP/AVP 96\na=rtpmap:96 H264/0\n"));
  EXPECT_FALSE(can("m=video 0 RTP/AVP 26\n"));
  EXPECT_TRUE(can("m=audio 0 RTP/AVP 0\n"));
  EXPECT_TRUE(can("m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000\na=fmtp:97 mode=AAC-hbr;config=1408\n"));
  EXPECT_FALSE(can("m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000\na=fmtp:97 mode=AAC-hbr\n"));
  EXPECT_FALSE(
      can("m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000\n"
          "a=fmtp:97 mode=AAC-hbr;config=1408;sizelength=40\n"));
}

TEST(RtspUrlTest, TakesHostPortAndPath) {
  const auto url = parse_url("rtsp://cam:8554/a/b?c=d");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->host, "cam");
  EXPECT_EQ(url->port, 8554);
  EXPECT_EQ(url->text, "rtsp://cam:8554/a/b?c=d");
  EXPECT_EQ(parse_url("rtsp://cam")->port, 554);
  EXPECT_EQ(parse_url("rtsp://cam")->text, "rtsp://cam/");
  EXPECT_EQ(url->path, "/a/b?c=d");
  EXPECT_EQ(parse_url("rtsp://cam")->path, "/");
  EXPECT_EQ(tunnel_port(*url), 8554);
  EXPECT_EQ(tunnel_port(*parse_url("rtsp://cam")), 80);
  EXPECT_EQ(tunnel_port(*parse_url("rtsps://cam")), 443);
  EXPECT_EQ(parse_url("RTSP://[fe80::1%25eth0]:1/x")->host, "fe80::1%25eth0");
  EXPECT_EQ(parse_url("rtsp://user:p%40@cam/x")->text, "rtsp://cam/x") << "credentials never stand in a request";
}

TEST(RtspUrlTest, SaysWhatIsWrong) {
  EXPECT_EQ(parse_url("http://cam/").error().code, Code::unsupported);
  for (const char* text : {"rtsp://", "rtsp:///x", "rtsp://cam:0/", "rtsp://cam:65536/", "rtsp://cam:x/",
                           "rtsp://[::1/", "rtsp://cam/a b", "rtsp://cam/\r\nX: y", "rtsp://[::1]x/"})
    EXPECT_EQ(parse_url(text).error().code, Code::invalid_argument) << text;
}

}  // namespace
}  // namespace vedette::rtsp
