#include "sources/rtsp/rtp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vedette::rtsp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr MonoTime kStart{1000s};

std::vector<uint8_t> bytes_of(uint16_t sequence, uint32_t timestamp, std::vector<uint8_t> payload) {
  std::vector<uint8_t> out{0x80, 0xe0, static_cast<uint8_t>(sequence >> 8), static_cast<uint8_t>(sequence)};
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<uint8_t>(timestamp >> shift));
  out.insert(out.end(), {1, 2, 3, 4});
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}
RtpPacket packet(uint16_t sequence, uint32_t timestamp = 0, uint32_t ssrc = 1) {
  RtpPacket out;
  out.sequence = sequence;
  out.timestamp = timestamp;
  out.ssrc = ssrc;
  return out;
}
uint32_t word(const std::vector<uint8_t>& b, size_t at) {
  return static_cast<uint32_t>(b[at]) << 24 | static_cast<uint32_t>(b[at + 1]) << 16 |
         static_cast<uint32_t>(b[at + 2]) << 8 | b[at + 3];
}

TEST(RtpTest, ReadsTheHeader) {
  const auto bytes = bytes_of(0x1234, 0xdeadbeef, {9, 8});
  const auto p = parse_rtp(bytes);
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->marker);
  EXPECT_EQ(p->payload_type, 0x60);
  EXPECT_EQ(p->sequence, 0x1234);
  EXPECT_EQ(p->timestamp, 0xdeadbeef);
  EXPECT_EQ(p->ssrc, 0x01020304u);
  EXPECT_EQ(std::vector<uint8_t>(p->payload.begin(), p->payload.end()), (std::vector<uint8_t>{9, 8}));
}

TEST(RtpTest, LeavesOutSourcesExtensionAndPadding) {
  auto bytes = bytes_of(1, 1, {0, 0, 0, 1, 0, 0, 0, 1, 0xaa, 0xbb, 0, 0, 3});
  bytes[0] |= 0x20 | 0x10 | 1;  // padding, extension, one contributing source
  bytes.insert(bytes.begin() + 12, {7, 7, 7, 7});
  const auto p = parse_rtp(bytes);
  ASSERT_TRUE(p);
  EXPECT_EQ(std::vector<uint8_t>(p->payload.begin(), p->payload.end()), (std::vector<uint8_t>{0xaa, 0xbb}));
}

TEST(RtpTest, LengthsThatLieAreNoPacket) {
  const auto good = bytes_of(1, 1, {1});
  for (size_t size = 0; size < 12; ++size) EXPECT_FALSE(parse_rtp(std::span(good).first(size)));
  auto bad = good;
  bad[0] = 0x40;
  EXPECT_FALSE(parse_rtp(bad)) << "version";
  bad = good;
  bad[0] |= 0x0f;
  EXPECT_FALSE(parse_rtp(bad)) << "fifteen sources";
  bad = bytes_of(1, 1, {0, 0, 0xff, 0xff});
  bad[0] |= 0x10;
  EXPECT_FALSE(parse_rtp(bad)) << "a long extension";
  bad = bytes_of(1, 1, {200});
  bad[0] |= 0x20;
  EXPECT_FALSE(parse_rtp(bad)) << "more padding than there is";
  bad.back() = 0;
  EXPECT_FALSE(parse_rtp(bad)) << "padding that counts itself out";
}

TEST(JitterTest, IsNothingForWhatComesEvenlyAndNothingOfAStep) {
  Jitter jitter(90000);
  for (uint32_t i = 0; i < 100; ++i) jitter.add(i * 3600 + (i < 50 ? 0 : 900'000), kStart + i * 40ms);
  EXPECT_EQ(jitter.time(), 0us) << "a clock that steps by 10 s";
  for (uint32_t i = 0; i < 200; ++i) jitter.add(i * 3600, kStart + i * 40ms + (i % 2) * 10ms);
  EXPECT_NEAR(static_cast<double>(jitter.time().count()), 10'000, 100);
}

TEST(RtpReceiverTest, CountsWhatIsMissingAcrossTheWrap) {
  RtpReceiver r(90000);
  EXPECT_EQ(r.add(packet(65533), kStart), 0u);
  EXPECT_EQ(r.add(packet(65534), kStart), 0u);
  EXPECT_EQ(r.add(packet(2), kStart), 3u);
  EXPECT_EQ(r.add(packet(2), kStart), std::nullopt) << "doubled";
  EXPECT_EQ(r.add(packet(1), kStart), std::nullopt) << "late";
  EXPECT_EQ(r.packets(), 3u);
  EXPECT_EQ(r.lost(), 3u);
}

TEST(RtpReceiverTest, AnotherStreamBeginsAnew) {
  RtpReceiver r(90000);
  r.add(packet(10), kStart);
  EXPECT_EQ(r.add(packet(9000, 0, 2), kStart), 0u) << "another source";
  EXPECT_EQ(r.add(packet(100, 0, 2), kStart), 0u) << "too far off to be loss";
  EXPECT_EQ(r.lost(), 0u);
}

TEST(RtpReceiverTest, TimestampsDoNotWrap) {
  RtpReceiver r(90000);
  EXPECT_EQ(r.unwrap(0xffffff00), 0);
  EXPECT_EQ(r.unwrap(0x00000100), 0x200);
  EXPECT_EQ(r.unwrap(0xffffff80), 0x80) << "and may go back, as B-frames do";
}

TEST(RtpReceiverTest, ReportsAsTheRfcHasIt) {
  RtpReceiver r(8000);
  for (const uint16_t n : {100, 101, 103, 104}) r.add(packet(n, 0, 0xabcd), kStart);
  r.reported({0xabcd, 0x1122334455667788, 0}, kStart);
  const auto first = r.report(kStart + 500ms);
  ASSERT_EQ(first.size(), 32u);
  EXPECT_EQ(word(first, 0), 0x81c90007u);
  EXPECT_EQ(word(first, 8), 0xabcdu);
  EXPECT_EQ(word(first, 12), (256u / 5) << 24 | 1u) << "one of five";
  EXPECT_EQ(word(first, 16), 104u);
  EXPECT_EQ(word(first, 24), 0x33445566u);
  EXPECT_EQ(word(first, 28), 65536u / 2);
  r.add(packet(105, 0, 0xabcd), kStart);
  EXPECT_EQ(word(r.report(kStart), 12), 1u) << "nothing more since";
}

TEST(RtpReceiverTest, JitterIsHowUnevenlyPacketsArrive) {
  RtpReceiver even(90000), uneven(90000);
  for (int i = 0; i < 500; ++i) {
    const auto at = static_cast<uint32_t>(i * 3600);
    even.add(packet(static_cast<uint16_t>(i), at), kStart + i * 40ms);
    uneven.add(packet(static_cast<uint16_t>(i), at), kStart + i * 40ms + (i % 2) * 10ms);
  }
  EXPECT_LT(even.jitter(), 10us);
  EXPECT_NEAR(static_cast<double>(uneven.jitter().count()), 10'000, 500);
}

TEST(RtcpTest, ReadsReportsAndGoodbyesOfACompound) {
  std::vector<uint8_t> bytes{0x80, 200, 0, 6, 0,    0, 0, 9, 0xe9, 0x8f, 0x12, 0x80, 0x80, 0,
                             0,    0,   0, 0, 0x10, 0, 0, 0, 0,    1,    0,    0,    0,    2};
  const Rtcp report = parse_rtcp(bytes);
  ASSERT_TRUE(report.report);
  EXPECT_EQ(report.report->ssrc, 9u);
  EXPECT_EQ(report.report->timestamp, 0x1000u);
  EXPECT_EQ(report.report->utc(), UtcTime(seconds(0xe98f1280LL - 2'208'988'800LL) + 500ms));
  EXPECT_THAT(report.ended, IsEmpty());
  bytes.insert(bytes.end(), {0x82, 203, 0, 3, 0, 0, 0, 9, 0x10, 0, 0, 0, 3, 'b', 'y', 'e'});
  EXPECT_THAT(parse_rtcp(bytes).ended, ElementsAre(9u, 0x10000000u)) << "the reason is no SSRC";
  for (size_t size = 0; size < 28; ++size) EXPECT_FALSE(parse_rtcp(std::span(bytes).first(size)).report);
}

TEST(RtcpTest, AGoodbyeOfMoreThanThereAreIsOfThoseThatThereAre) {
  EXPECT_THAT(parse_rtcp(std::vector<uint8_t>{0x9f, 203, 0, 1, 0, 0, 0, 9}).ended, ElementsAre(9u));
  EXPECT_THAT(parse_rtcp(std::vector<uint8_t>{0x9f, 203, 0, 0, 0x80, 203, 0, 1, 0, 0, 0, 9}).ended, IsEmpty());
}

}  // namespace
}  // namespace vedette::rtsp
