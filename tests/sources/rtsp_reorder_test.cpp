#include <gtest/gtest.h>

#include "sources/rtsp/reorder_window.h"

namespace vedette::rtsp {
namespace {

constexpr MonoTime kStart{1000s};
constexpr microseconds kWait = 100ms;

std::vector<uint8_t> packet(uint16_t sequence, uint8_t ssrc = 1) {
  return {0x80, 0x60, static_cast<uint8_t>(sequence >> 8), static_cast<uint8_t>(sequence), 0, 0, 0, 0, 0, 0, 0,
          ssrc, 9};
}

class ReorderWindowTest : public testing::Test {
 protected:
  void add(std::initializer_list<int> sequences, MonoTime now = kStart) {
    for (const int sequence : sequences) window_.add(packet(static_cast<uint16_t>(sequence)), now);
  }
  std::vector<int> out_;
  ReorderWindow window_{90000, 0us,
                        [this](std::span<const uint8_t> bytes) { out_.push_back(bytes[2] << 8 | bytes[3]); }};
};

TEST(ReorderWaitTest, FollowsTheNetworkWithinItsBounds) {
  EXPECT_EQ(reorder_wait(0us, 0us), 100ms);
  EXPECT_EQ(reorder_wait(20ms, 10ms), 100ms) << "30 + 30: never less";
  EXPECT_EQ(reorder_wait(100ms, 20ms), 210ms);
  EXPECT_EQ(reorder_wait(60ms, 20ms), 150ms);
  EXPECT_EQ(reorder_wait(10s, 0us), 500ms) << "a camera that answers slowly";
  EXPECT_EQ(reorder_wait(0us, 10s), 500ms);
}

TEST_F(ReorderWindowTest, WaitsAsTheRoundTripAndTheJitterSay) {
  ReorderWindow far(90000, 120ms, [](std::span<const uint8_t>) {});
  EXPECT_EQ(far.wait(), 180ms);
  // All of one timestamp, 20 ms too early or too late by turns.
  for (int i = 0; i < 200; ++i) far.add(packet(static_cast<uint16_t>(i)), kStart + (i % 2) * 20ms);
  EXPECT_NEAR(static_cast<double>(far.wait().count()), 240'000, 1'000);
  EXPECT_EQ(window_.wait(), kWait);
}

TEST_F(ReorderWindowTest, PassesOnAtOnceWhatComesInTurn) {
  add({65534, 65535, 0, 1});
  EXPECT_EQ(out_, (std::vector<int>{65534, 65535, 0, 1}));
  EXPECT_EQ(window_.reordered(), 0u);
}

TEST_F(ReorderWindowTest, WaitsForThoseInFrontAlsoOverTheWrap) {
  add({65533, 0, 65535});
  EXPECT_EQ(out_, (std::vector<int>{65533}));
  add({65534, 1});
  EXPECT_EQ(out_, (std::vector<int>{65533, 65534, 65535, 0, 1}));
  EXPECT_EQ(window_.reordered(), 2u);
}

TEST_F(ReorderWindowTest, LeavesOutWhatIsDoubledOrTooLate) {
  add({10, 10, 12, 12, 9, 11, 12, 11, 13});
  EXPECT_EQ(out_, (std::vector<int>{10, 11, 12, 13}));
  EXPECT_EQ(window_.left_out(), 5u);
}

TEST_F(ReorderWindowTest, GivesUpAfterItsTime) {
  add({1, 3, 4});
  add({6}, kStart + 50ms);
  window_.release(kStart + kWait - 1us);
  EXPECT_EQ(out_, (std::vector<int>{1}));
  window_.release(kStart + kWait);
  EXPECT_EQ(out_, (std::vector<int>{1, 3, 4})) << "six has not waited that long";
  window_.release(kStart + 50ms + kWait);
  EXPECT_EQ(out_, (std::vector<int>{1, 3, 4, 6}));
  add({2, 5, 7});
  EXPECT_EQ(out_.back(), 7);
  EXPECT_EQ(out_.size(), 5u);
}

TEST_F(ReorderWindowTest, GivesUpWhenTooManyAreHeld) {
  constexpr int kMost = static_cast<int>(ReorderWindow::kMostPackets);
  add({0});
  for (int i = 2; i <= kMost; ++i) add({i});
  EXPECT_EQ(out_.size(), 1u);
  add({kMost + 1});
  ASSERT_EQ(out_.size(), static_cast<size_t>(kMost) + 1) << "all but the one that is missing";
  EXPECT_EQ(out_[1], 2);
  EXPECT_EQ(out_.back(), kMost + 1);
}

TEST_F(ReorderWindowTest, SkipsAGapThatIsWiderThanItself) {
  add({5, 7, 900, 901});
  window_.release(kStart + 1s);
  EXPECT_EQ(out_, (std::vector<int>{5, 7, 900, 901}));
  add({902});
  EXPECT_EQ(out_.back(), 902);
}

TEST_F(ReorderWindowTest, AnotherStreamBeginsAnew) {
  add({5, 7});
  window_.add(packet(40000, 2), kStart);
  EXPECT_EQ(out_, (std::vector<int>{5, 7, 40000}));
  add({10000}, kStart);
  EXPECT_EQ(out_.back(), 10000);
  add({20000}, kStart);
  EXPECT_EQ(out_.back(), 20000) << "further off than any loss";
}

TEST_F(ReorderWindowTest, WhatIsNoRtpIsLeftOut) {
  window_.add({}, kStart);
  const std::vector<uint8_t> stun(20, 0);
  window_.add(stun, kStart);
  EXPECT_TRUE(out_.empty());
}

// Whatever comes in, numbers that go out grow, none twice, and nothing is lost that came within the window.
TEST_F(ReorderWindowTest, ShuffledWithinTheWindowComesOutInOrder) {
  uint32_t random = 1;
  const auto next = [&] { return random = random * 1664525 + 1013904223; };
  std::vector<int> sequence;
  for (int i = 0; i < 5000; ++i) sequence.push_back(60000 + i);
  // A keyframe of 4K, all at once.
  constexpr size_t kMixed = ReorderWindow::kMostPackets;
  for (size_t i = 0; i + kMixed < sequence.size(); i += kMixed)
    for (size_t j = kMixed - 1; j > 1; --j) std::swap(sequence[i + j], sequence[i + 1 + (next() >> 8) % j]);
  for (const int one : sequence) add({one % 65536});
  ASSERT_EQ(out_.size(), 5000u);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(out_[static_cast<size_t>(i)], (60000 + i) % 65536);
}

}  // namespace
}  // namespace vedette::rtsp
