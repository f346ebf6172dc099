#include "live/frame_feed.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/live/ring_feed.h"

namespace vedette {
namespace {

using test::RingFeed;

// The JSON bodies in the notes, one behind the other.
std::vector<std::pair<int, Json>> notes_of(const FrameFeed& feed) {
  std::vector<std::pair<int, Json>> out;
  std::string_view notes = feed.notes();
  while (!notes.empty()) {
    const size_t length = static_cast<uint8_t>(notes[0]) + 256 * static_cast<size_t>(static_cast<uint8_t>(notes[1]));
    out.emplace_back(notes[4], Json::parse(notes.substr(8, length)));
    notes.remove_prefix(8 + length);
  }
  return out;
}

struct FrameFeedTest : testing::Test {
  FrameFeed feed(FrameLimits limits = {}) { return FrameFeed(ring, limits, {{"camera_id", "front"}}); }

  Ring ring{{.duration = 3600s, .bytes = 1 << 30}};
  RingFeed camera{ring};
};

TEST_F(FrameFeedTest, BeginsWithTheNewestKeyframeAndSendsEveryPacket) {
  camera.gop(25);
  camera.gop(10);
  camera.audio();
  FrameFeed client = feed();
  for (uint64_t number = 25; number < 36; ++number) {
    ASSERT_TRUE(client.next());
    const size_t bytes = number == 35 ? 100 : 1000;
    EXPECT_EQ(client.payload(), RingFeed::payload_of(number, bytes));
    const auto notes = notes_of(client);
    ASSERT_EQ(notes.size(), number == 25 ? 1u : 0u);
    if (number == 25) {
      EXPECT_EQ(notes[0].first, 2);
      EXPECT_EQ(notes[0].second.value("camera_id", ""), "front");
      EXPECT_EQ(notes[0].second.at("video").at("width_px"), 640);
    }
    client.done();
  }
  EXPECT_FALSE(client.next());
  EXPECT_EQ(client.frames(), 10u);
  EXPECT_EQ(client.dropped_frames(), 0u);
}

TEST_F(FrameFeedTest, ThePayloadIsThatOfTheRing) {
  camera.gop(1, 1000);
  FrameFeed client = feed();
  ASSERT_TRUE(client.next());
  EXPECT_EQ(static_cast<const void*>(client.payload().data()), ring.newest_keyframe()->payload().data());
}

TEST_F(FrameFeedTest, AnotherStreamIsToldAndTheSameIsNot) {
  camera.gop(2);
  FrameFeed client = feed();
  while (client.next()) client.done();
  camera.describe_again();
  camera.gop(2);
  ASSERT_TRUE(client.next());
  EXPECT_EQ(client.notes(), "");
  client.done();
  camera.set_size(1280, 720);
  camera.gop(1);
  while (client.next() && client.notes().empty()) client.done();
  const auto notes = notes_of(client);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].second.at("video").at("width_px"), 1280);
}

TEST_F(FrameFeedTest, WhoIsBehindGoesOnAtAKeyframeAndIsToldWhatIsMissing) {
  camera.gop(25);
  FrameFeed client = feed();
  ASSERT_TRUE(client.next());  // number 0, and 24 more that were there before it began and do not count
  for (int i = 0; i < 100; ++i) {
    camera.frame(i % 25 == 0);
    camera.audio();
    client.fall_back();
  }
  EXPECT_EQ(client.dropped_frames(), 0u) << "100 frames are within the limit";
  camera.frame(true);
  client.fall_back();  // to this one
  EXPECT_EQ(client.dropped_frames(), 24u + 100);
  client.done();
  ASSERT_TRUE(client.next());
  EXPECT_EQ(RingFeed::number_in(std::string(client.payload())), 25u + 200);
  const auto notes = notes_of(client);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].first, 4);
  EXPECT_EQ(notes[0].second, (Json{{"packets", 24 + 200}, {"video_frames", 124}, {"too_large", 0}}));
  client.done();
  EXPECT_FALSE(client.next());
}

TEST_F(FrameFeedTest, InALongGopItWaitsForTheNextKeyframe) {
  camera.gop(1);
  FrameFeed client = feed();
  ASSERT_TRUE(client.next());
  client.done();
  for (int i = 0; i < 101; ++i) camera.frame(false);
  client.fall_back();
  EXPECT_FALSE(client.next());
  for (int i = 0; i < 7; ++i) camera.frame(false);
  EXPECT_FALSE(client.next());
  camera.gop(3);
  ASSERT_TRUE(client.next());
  EXPECT_TRUE(client.packet().keyframe);
  EXPECT_EQ(notes_of(client).at(0).second.at("packets"), 108);
  EXPECT_EQ(client.dropped_frames(), 108u);
}

TEST_F(FrameFeedTest, FourSecondsAreALimitToo) {
  camera.gop(1);
  FrameFeed client = feed({.most_frames = 1000});
  ASSERT_TRUE(client.next());
  client.done();
  for (int i = 0; i < 101; ++i) camera.frame(i == 50);
  client.fall_back();
  EXPECT_EQ(client.dropped_frames(), 0u) << "exactly 4 s";
  camera.frame(false);
  client.fall_back();
  EXPECT_EQ(client.dropped_frames(), 50u);
}

TEST_F(FrameFeedTest, WhatTheRingNoLongerHasIsCountedAsWell) {
  Ring small{{.duration = 1s, .bytes = 1 << 30}};
  RingFeed sub(small);
  sub.gop(25);
  FrameFeed client(small, {}, Json::object());
  ASSERT_TRUE(client.next());
  client.done();
  for (int i = 0; i < 8; ++i) sub.gop(25);  // 8 s
  ASSERT_TRUE(client.next());
  const uint64_t number = RingFeed::number_in(std::string(client.payload()));
  EXPECT_TRUE(client.packet().keyframe);
  EXPECT_EQ(notes_of(client).at(0).second.at("packets"), number - 1);
  EXPECT_EQ(client.dropped_frames(), number - 1);
}

TEST_F(FrameFeedTest, AFrameThatIsTooLargeIsAGapUpToTheNextKeyframe) {
  const FrameLimits limits{.most_frame_bytes = 5000};
  camera.gop(2, 5000);
  FrameFeed client = feed(limits);
  ASSERT_TRUE(client.next());
  EXPECT_EQ(client.payload().size(), 5000u) << "the limit itself passes";
  client.done();
  ASSERT_TRUE(client.next());
  client.done();
  camera.frame(true, 5001);
  camera.frame(false);
  EXPECT_FALSE(client.next());
  camera.gop(1);
  ASSERT_TRUE(client.next());
  EXPECT_EQ(notes_of(client).at(0).second, (Json{{"packets", 2}, {"video_frames", 2}, {"too_large", 1}}));
  EXPECT_EQ(client.dropped_frames(), 2u);
}

TEST_F(FrameFeedTest, BeforeTheFirstFrameNothingIsDropped) {
  FrameFeed client = feed();
  EXPECT_FALSE(client.next());
  client.fall_back();
  camera.gop(3);
  ASSERT_TRUE(client.next());
  EXPECT_EQ(client.payload(), RingFeed::payload_of(0, 1000));
  EXPECT_EQ(client.dropped_frames(), 0u);
}

}  // namespace
}  // namespace vedette
