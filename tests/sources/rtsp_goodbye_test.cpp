// Whose good-bye (RTCP BYE) ends the video.
#include <gtest/gtest.h>

#include "sources/rtsp/media_receiver.h"
#include "sources/rtsp/sdp.h"
#include "tests/sources/scripted_camera.h"
#include "tests/support/fake_clock.h"

namespace vedette::rtsp {
namespace {

constexpr const char* kSdp =
    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:a\r\n"
    "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:b\r\n";

class RtspGoodbyeTest : public testing::Test {
 protected:
  void frame_from(uint8_t ssrc) {
    std::string packet = test::rtp(number_, number_ * 3600u, true, "\x41 a frame");
    packet[11] = static_cast<char>(ssrc);
    ++number_;
    receiver.take_rtp(0, {reinterpret_cast<const uint8_t*>(packet.data()), packet.size()}, clock_.mono());
  }
  void goodbye_from(uint8_t ssrc, size_t track = 0) {
    receiver.take_rtcp(track, std::vector<uint8_t>{0x81, 203, 0, 1, 0, 0, 0, ssrc}, clock_.mono());
  }

 private:
  test::FakeClock clock_;
  uint16_t number_ = 1;

 protected:
  MediaReceiver receiver{parse_sdp(kSdp)->media, clock_, [](const Packet&) {}};
};

TEST_F(RtspGoodbyeTest, ThatOfTheVideoDoes) {
  frame_from(7);
  EXPECT_FALSE(receiver.ended_by_camera());
  goodbye_from(7);
  EXPECT_TRUE(receiver.ended_by_camera());
}

TEST_F(RtspGoodbyeTest, ThatOfAnotherDoesNot) {
  goodbye_from(0);
  EXPECT_FALSE(receiver.ended_by_camera()) << "nothing came yet that could be over";
  frame_from(7);
  goodbye_from(8);
  EXPECT_FALSE(receiver.ended_by_camera()) << "somebody who watches the same group";
  goodbye_from(7, 1);
  EXPECT_FALSE(receiver.ended_by_camera()) << "the sound";
}

TEST_F(RtspGoodbyeTest, ThatOfAStreamWhichAnotherReplacedDoesNot) {
  frame_from(7);
  frame_from(9);
  goodbye_from(7);
  EXPECT_FALSE(receiver.ended_by_camera());
  goodbye_from(9);
  EXPECT_TRUE(receiver.ended_by_camera());
}

}  // namespace
}  // namespace vedette::rtsp
