#include "sources/rtsp/depacketiser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "sources/rtsp/sdp.h"

namespace vedette::rtsp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Bytes = std::vector<uint8_t>;

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}
// As Annex B.
Bytes annex_b(std::initializer_list<Bytes> units) {
  Bytes out;
  for (const Bytes& unit : units) out = joined({out, {0, 0, 0, 1}, unit});
  return out;
}

struct Got {
  Bytes data;
  uint32_t timestamp;
  bool keyframe;
  bool operator==(const Got&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Got& got) {
  out << got.timestamp << (got.keyframe ? " key" : "");
  for (const uint8_t b : got.data) out << ' ' << int(b);
  return out;
}

class DepacketiserTest : public testing::Test {
 protected:
  void make(const std::string& sdp) {
    media = parse_sdp(sdp)->media.at(0);
    depacketiser = make_depacketiser(media, [this](const Frame& frame) {
      got.push_back({Bytes(frame.data.begin(), frame.data.end()), frame.timestamp, frame.keyframe});
    });
  }
  void add(uint32_t timestamp, const Bytes& payload, bool marker = false, uint32_t missing = 0) {
    RtpPacket packet;
    packet.timestamp = timestamp;
    packet.marker = marker;
    packet.payload = payload;
    depacketiser->add(packet, missing);
  }
  void expect_broken(uint64_t frames) const {
    EXPECT_THAT(got, IsEmpty());
    EXPECT_EQ(depacketiser->broken_frames(), frames);
  }

  Media media;
  std::unique_ptr<Depacketiser> depacketiser;
  std::vector<Got> got;
};

// ---- H.264

class H264Test : public DepacketiserTest {
 protected:
  H264Test() { make("m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"); }
  const Bytes sps{0x67, 1, 2}, pps{0x68, 3}, idr{0x65, 4, 5, 6}, p{0x41, 7, 8};
};

TEST_F(H264Test, TheMarkerEndsAFrame) {
  add(10, sps);
  add(10, pps);
  add(10, idr, true);
  add(20, p, true);
  EXPECT_THAT(got, ElementsAre(Got{annex_b({sps, pps, idr}), 10, true}, Got{annex_b({p}), 20, false}));
}

TEST_F(H264Test, WithoutMarkersTheNextTimestampEndsIt) {
  add(10, idr);
  add(20, p);
  EXPECT_THAT(got, ElementsAre(Got{annex_b({idr}), 10, true}));
  add(30, p);
  EXPECT_EQ(got.size(), 2u);
}

TEST_F(H264Test, SeveralUnitsInAPacket) {
  add(10, joined({{0x78, 0, 3}, sps, {0, 2}, pps, {0, 4}, idr}), true);
  EXPECT_THAT(got, ElementsAre(Got{annex_b({sps, pps, idr}), 10, true}));
}

TEST_F(H264Test, AUnitInPieces) {
  add(10, {0x7c, 0x85, 4});
  add(10, {0x7c, 0x05, 5});
  add(10, {0x7c, 0x45, 6}, true);
  EXPECT_THAT(got, ElementsAre(Got{annex_b({{0x65, 4, 5, 6}}), 10, true}));
}

TEST_F(H264Test, APictureBehindARecoveryPointBeginsDecoding) {
  add(10, {0x06, 6, 1, 0x80});
  add(10, p, true);
  add(20, {0x06, 5, 1, 0x80});
  add(20, p, true);
  ASSERT_EQ(got.size(), 2u);
  EXPECT_TRUE(got[0].keyframe);
  EXPECT_FALSE(got[1].keyframe);
}

TEST_F(H264Test, AFrameOfWhichAPieceIsMissingIsLeftOutWhole) {
  add(10, {0x7c, 0x85, 4});
  add(10, {0x7c, 0x45, 6}, true, 1);
  expect_broken(1);
  add(20, p, true);
  EXPECT_EQ(got.size(), 1u) << "and the next is not touched";
}

TEST_F(H264Test, WhatIsMissingBetweenTwoFramesBreaksBoth) {
  add(10, p);
  add(20, p, true, 2);
  expect_broken(2);
}

TEST_F(H264Test, AnEndOrABeginningThatNeverCame) {
  add(10, {0x7c, 0x85, 4});
  add(10, p, true);
  add(20, {0x7c, 0x45, 4}, true);
  add(30, {0x7c, 0x85, 4}, true);
  expect_broken(3);
}

TEST_F(H264Test, LengthsThatLieBreakTheirFrame) {
  add(10, {0x78, 0, 9, 1, 2}, true);
  add(20, {0x7c}, true);
  add(30, {0x7c, 0x85}, true);
  add(40, {0x79, 1, 2, 3}, true);  // STAP-B
  add(50, {0x00, 1, 2}, true);
  expect_broken(5);
  add(60, {}, true);
  add(70, {0x78, 0}, true);
  expect_broken(5);
}

TEST_F(H264Test, AFrameWithoutEndIsBounded) {
  const Bytes piece = joined({{0x7c, 0x05}, Bytes(60'000, 1)});
  add(10, {0x7c, 0x85, 1});
  for (size_t i = 0; i < 2 * Depacketiser::kMostFrameBytes / 60'000; ++i) add(10, piece);
  add(10, {0x7c, 0x45, 1}, true);
  expect_broken(1);
}

TEST_F(H264Test, TakesAnything) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    Bytes payload(random() % 40);
    for (uint8_t& b : payload) b = static_cast<uint8_t>(random());
    add(random() % 8, payload, random() % 4 == 0, random() % 16 == 0 ? 1 : 0);
  }
  EXPECT_GT(got.size(), 100u);
}

// ---- H.265

class H265Test : public DepacketiserTest {
 protected:
  H265Test() { make("m=video 0 RTP/AVP 98\na=rtpmap:98 H265/90000\n"); }
  const Bytes vps{0x40, 1, 9}, idr{0x26, 1, 4, 5}, p{0x02, 1, 7};
};

TEST_F(H265Test, SingleAggregatedAndFragmented) {
  add(10, joined({{0x60, 1, 0, 3}, vps, {0, 4}, idr}), true);
  add(20, p, true);
  add(30, {0x62, 1, 0x93, 4});
  add(30, {0x62, 1, 0x13, 5});
  add(30, {0x62, 1, 0x53, 6}, true);
  EXPECT_THAT(got, ElementsAre(Got{annex_b({vps, idr}), 10, true}, Got{annex_b({p}), 20, false},
                               Got{annex_b({{0x26, 1, 4, 5, 6}}), 30, true}));
}

TEST_F(H265Test, LengthsThatLieBreakTheirFrame) {
  add(10, {0x40}, true);
  add(20, {0x60, 1, 0, 9, 1}, true);
  add(30, {0x62, 1, 0x93}, true);
  add(40, {0x64, 1, 2, 3}, true);  // PACI
  expect_broken(4);
}

TEST_F(H265Test, EveryPictureThatDecodingCanBeginWithIsAKeyframe) {
  for (uint8_t type = 16; type <= 21; ++type) add(type, {static_cast<uint8_t>(type << 1), 1, 1}, true);
  add(22, {22 << 1, 1, 1}, true);
  for (size_t i = 0; i < 6; ++i) EXPECT_TRUE(got.at(i).keyframe);
  EXPECT_FALSE(got.at(6).keyframe);
}

// ---- AAC and G.711

class AacTest : public DepacketiserTest {
 protected:
  AacTest() {
    make(
        "m=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000\n"
        "a=fmtp:97 mode=AAC-hbr;config=1408;sizelength=13;indexlength=3;indexdeltalength=3\n");
  }
  static Bytes head(size_t size) { return {static_cast<uint8_t>(size >> 5), static_cast<uint8_t>(size << 3)}; }
};

TEST_F(AacTest, SeveralFramesInAPacketAreATimeApart) {
  add(100, joined({{0, 32}, head(3), head(2), {1, 2, 3, 4, 5}}), true);
  EXPECT_THAT(got, ElementsAre(Got{{1, 2, 3}, 100, true}, Got{{4, 5}, 1124, true}));
}

TEST_F(AacTest, AFrameInSeveralPackets) {
  add(100, joined({{0, 16}, head(5), {1, 2}}));
  add(100, joined({{0, 16}, head(5), {3, 4, 5}}), true);
  EXPECT_THAT(got, ElementsAre(Got{{1, 2, 3, 4, 5}, 100, true}));
  add(200, joined({{0, 16}, head(5), {1, 2}}));
  add(200, joined({{0, 16}, head(5), {3, 4, 5}}), true, 1);
  EXPECT_EQ(got.size(), 1u) << "its beginning is not there";
}

TEST_F(AacTest, LengthsThatLieAreLeftOut) {
  add(1, {});
  add(1, {0});
  add(1, {0xff, 0xff, 1});
  add(1, joined({{0, 16}, head(0), {1}}));
  add(1, joined({{0, 16}, head(8191), {1}}));
  add(2, joined({{0, 32}, head(1), head(9), {1, 2}}));
  EXPECT_EQ(got.size(), 1u) << "the first of the last packet is whole";
}

TEST_F(DepacketiserTest, SamplesOfG711AreTheirPayload) {
  make("m=audio 0 RTP/AVP 8\n");
  add(160, {1, 2, 3});
  add(320, {});
  EXPECT_THAT(got, ElementsAre(Got{{1, 2, 3}, 160, true}));
}

}  // namespace
}  // namespace vedette::rtsp
