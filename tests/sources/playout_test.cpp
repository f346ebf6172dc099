#include "sources/playout.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

class PlayoutTest : public testing::Test {
 protected:
  void play(microseconds dts, Track track = Track::video, microseconds later = 0us) {
    DemuxedPacket packet;
    packet.track = track;
    packet.dts = dts;
    packet.pts = dts + later;
    playout_.play(
        std::move(packet), [this](Packet p) { out_.push_back(std::move(p)); }, stop_.get_token());
  }

  std::stop_source stop_;
  Playout playout_{Clock::system()};
  std::vector<Packet> out_;
};

TEST_F(PlayoutTest, PacketsComeWhenTheyAreDueAndNotBefore) {
  for (int i = 0; i < 4; ++i) play(7s + i * 50ms, Track::video, 80ms);
  ASSERT_EQ(out_.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(out_[i].dts - out_[0].dts, i * 50ms);
    EXPECT_EQ(out_[i].pts - out_[i].dts, 80ms);
    EXPECT_GE(out_[i].arrival, out_[i].dts);
  }
}

TEST_F(PlayoutTest, SoundBeforeThePictureIsLeftOut) {
  play(1s, Track::audio);
  play(1s);
  play(1s + 1ms, Track::audio);
  ASSERT_EQ(out_.size(), 2u);
  EXPECT_EQ(out_[1].dts - out_[0].dts, 1ms);
}

TEST_F(PlayoutTest, AStepEitherWayGoesOnFromNow) {
  play(10s);
  play(1000s);
  play(2s);
  play(2s + 20ms);
  ASSERT_EQ(out_.size(), 4u);
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_GT(out_[i].dts, out_[i - 1].dts);
    EXPECT_LT(out_[i].arrival - out_[i].dts, 1s);
  }
  EXPECT_LT(out_[3].dts - out_[0].dts, 1s);
}

TEST_F(PlayoutTest, SoundOfAnotherClockIsLeftOut) {
  play(10s);
  play(100s, Track::audio);
  play(1s, Track::audio);
  EXPECT_EQ(out_.size(), 1u);
}

TEST_F(PlayoutTest, DecodingTimesGrowWhateverComes) {
  play(10s);
  play(10s);
  play(10s - 5ms);
  ASSERT_EQ(out_.size(), 3u);
  for (size_t i = 1; i < 3; ++i) EXPECT_GT(out_[i].dts, out_[i - 1].dts);
}

TEST_F(PlayoutTest, NothingIsPushedAfterTheStop) {
  play(10s);
  stop_.request_stop();
  const MonoTime begin = Clock::system().mono();
  play(13s);
  EXPECT_EQ(out_.size(), 1u);
  EXPECT_LT(Clock::system().mono() - begin, 1s);
}

}  // namespace
}  // namespace vedette
