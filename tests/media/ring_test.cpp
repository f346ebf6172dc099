#include "media/ring.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/media/numbered_packets.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::drain;
using test::number_of;
using test::numbered;

constexpr microseconds kFrame = 40ms;
constexpr size_t kNoLimit = 1 << 30;
const std::stop_token kNoStop;

MonoTime soon() {
  return Clock::system().mono() + 10s;
}
MonoTime now() {
  return Clock::system().mono();
}

// A camera at 25 fps that counts its packets.
struct Feed {
  explicit Feed(Ring& to) : ring(to) {}

  void gop(int frames, size_t bytes = 100) {
    for (int i = 0; i < frames; ++i) frame(i == 0, bytes);
  }
  void frame(bool keyframe, size_t bytes = 100) { ring.push(numbered(next++, time += kFrame, bytes, keyframe)); }

  Ring& ring;
  uint64_t next = 0;
  MonoTime time{100s};
};

TEST(RingTest, EvictsWholeGopsOnly) {
  Ring ring({.duration = 2s, .bytes = kNoLimit});
  Feed feed(ring);
  for (int i = 0; i < 10; ++i) {
    feed.gop(25);
    Cursor cursor = ring.cursor_at(MonoTime(0s));
    EXPECT_EQ(drain(cursor).front() % 25, 0u);
    EXPECT_EQ(ring.figures().packets % 25, 0u);
  }
}

TEST(RingTest, KeepsTheDurationAskedAndNotAGopMore) {
  Ring ring({.duration = 2s, .bytes = kNoLimit});
  Feed feed(ring);
  for (int i = 0; i < 500; ++i) {
    feed.frame(i % 25 == 0);
    const RingFigures figures = ring.figures();
    EXPECT_TRUE(i <= 75 || figures.duration >= 2s);
    EXPECT_LT(figures.duration, 2s + 25 * kFrame);
  }
}

TEST(RingTest, ByteLimitGoesBeforeDuration) {
  Ring ring({.duration = 100s, .bytes = 10'000});
  Feed feed(ring);
  for (int i = 0; i < 100; ++i) {
    feed.gop(10, 300);
    EXPECT_LE(ring.figures().bytes, 10'000u);
    EXPECT_GE(ring.figures().bytes, 3'000u);
  }
}

TEST(RingTest, EvictedPayloadIsFreed) {
  Ring ring({.duration = 1s, .bytes = kNoLimit});
  Feed feed(ring);
  Packet first = numbered(0, MonoTime(1s), 10, true);
  const std::weak_ptr<const uint8_t> payload = first.data.owner();
  ring.push(std::move(first));
  EXPECT_FALSE(payload.expired());
  feed.gop(25);
  feed.gop(30);
  EXPECT_TRUE(payload.expired());
}

TEST(RingTest, NewLimitsHoldFromTheNextPacketOn) {
  Ring ring({10s, kNoLimit});
  Feed feed(ring);
  for (int i = 0; i < 10; ++i) feed.gop(25);
  EXPECT_EQ(ring.figures().packets, 250u);
  ring.set_limits({2s, kNoLimit});
  feed.frame(true);
  EXPECT_EQ(ring.figures().packets, 51u);
}

TEST(RingTest, WhatIsClearedIsMissedAndTheNextKeyframeIsABeginning) {
  Ring ring({10s, kNoLimit});
  Feed feed(ring);
  feed.gop(10);
  Cursor cursor = ring.cursor_at(MonoTime(0s));
  EXPECT_EQ(drain(cursor, 4).size(), 4u);
  ring.clear();
  EXPECT_EQ(ring.figures().packets, 0u);
  EXPECT_FALSE(ring.figures().oldest);
  EXPECT_FALSE(ring.newest_keyframe());
  EXPECT_TRUE(drain(cursor).empty());
  feed.gop(3);
  EXPECT_EQ(drain(cursor), (std::vector<uint64_t>{10, 11, 12}));
  EXPECT_EQ(cursor.missed(), 6u);
  EXPECT_EQ(ring.figures().packets, 3u);
}

TEST(RingTest, FiguresDescribeWhatIsThere) {
  Ring ring({.duration = 10s, .bytes = kNoLimit});
  EXPECT_FALSE(ring.figures().oldest);
  Feed feed(ring);
  feed.gop(50, 200);
  feed.gop(10, 100);
  const RingFigures figures = ring.figures();
  EXPECT_EQ(figures.packets, 60u);
  EXPECT_EQ(figures.bytes, 50u * 200 + 10 * 100);
  EXPECT_EQ(figures.oldest, MonoTime(100s + kFrame));
  EXPECT_EQ(figures.newest, feed.time);
  EXPECT_EQ(figures.duration, 59 * kFrame);
  EXPECT_EQ(figures.gop, 50 * kFrame);
}

TEST(RingTest, CursorAtBeginsWithTheKeyframeShownAtOrBefore) {
  Ring ring({.duration = 100s, .bytes = kNoLimit});
  Feed feed(ring);
  for (int i = 0; i < 5; ++i) feed.gop(25);
  const MonoTime third = MonoTime(100s) + 51 * kFrame;
  for (const MonoTime t : {third, third + 1us, third + 25 * kFrame - 1us}) {
    Cursor cursor = ring.cursor_at(t);
    EXPECT_EQ(drain(cursor).front(), 50u);
  }
  Cursor before = ring.cursor_at(third - 1us);
  EXPECT_EQ(drain(before).front(), 25u);
  Cursor future = ring.cursor_at(third + 1000s);
  EXPECT_EQ(drain(future).front(), 100u);
}

TEST(RingTest, CursorAtATimeThatIsGoneBeginsAtTheOldestKeyframe) {
  Ring ring({.duration = 2s, .bytes = kNoLimit});
  Feed feed(ring);
  for (int i = 0; i < 8; ++i) feed.gop(25);
  Cursor cursor = ring.cursor_at(MonoTime(0s));
  EXPECT_EQ(drain(cursor).front(), 125u);
  EXPECT_EQ(cursor.missed(), 0u);
}

TEST(RingTest, CursorOnARingWithoutKeyframeBeginsWithTheNextOne) {
  Ring ring({.duration = 2s, .bytes = kNoLimit});
  Feed feed(ring);
  for (int i = 0; i < 5; ++i) feed.frame(false);
  Cursor cursor = ring.cursor_at(feed.time);
  for (int i = 0; i < 5; ++i) feed.frame(false);
  EXPECT_TRUE(drain(cursor).empty());
  feed.gop(2);
  EXPECT_EQ(drain(cursor), (std::vector<uint64_t>{10, 11}));
  EXPECT_EQ(cursor.missed(), 0u);
}

TEST(RingTest, LiveCursorGetsEveryPacketFromNowOn) {
  Ring ring({.duration = 2s, .bytes = kNoLimit});
  Feed feed(ring);
  feed.gop(7);
  Cursor cursor = ring.cursor_live();
  feed.frame(false);
  feed.frame(true);
  EXPECT_EQ(drain(cursor), (std::vector<uint64_t>{7, 8}));
}

TEST(RingTest, LateCursorContinuesAtAKeyframeAndCountsWhatItMissed) {
  Ring ring({.duration = 2s, .bytes = kNoLimit});
  Feed feed(ring);
  feed.gop(25);
  Cursor cursor = ring.cursor_at(feed.time);
  EXPECT_EQ(drain(cursor, 5).size(), 5u);
  for (int i = 0; i < 10; ++i) feed.gop(25, 1000);
  const std::vector<uint64_t> rest = drain(cursor);
  EXPECT_EQ(rest.front() % 25, 0u);
  EXPECT_EQ(cursor.missed(), rest.front() - 5);
  EXPECT_EQ(ring.figures().evicted_unread_bytes, 20u * 100 + (rest.front() - 25) * 1000);
}

TEST(RingTest, PacketsSkippedToTheNextKeyframeCountAsMissed) {
  Ring ring({.duration = 100s, .bytes = 1000});
  Feed feed(ring);
  feed.gop(5);
  Cursor cursor = ring.cursor_at(feed.time);
  for (int i = 0; i < 20; ++i) feed.frame(false);
  EXPECT_TRUE(drain(cursor).empty());
  for (int i = 0; i < 3; ++i) feed.frame(false);
  EXPECT_TRUE(drain(cursor).empty());
  EXPECT_EQ(cursor.missed(), 28u);
  feed.gop(2);
  EXPECT_EQ(drain(cursor), (std::vector<uint64_t>{28, 29}));
  EXPECT_EQ(cursor.missed(), 28u);
}

TEST(RingTest, ReadersThatKeepUpLoseNothingOfAGopTooLarge) {
  Ring ring({.duration = 2s, .bytes = 1000});
  Feed feed(ring);
  Cursor cursor = ring.cursor_live();
  uint64_t expected = 0;
  for (int i = 0; i < 400; ++i) {
    feed.frame(i % 100 == 0, 90);
    EXPECT_LE(ring.figures().bytes, 1000u);
    if (i % 3 != 0) continue;
    for (const uint64_t number : drain(cursor)) EXPECT_EQ(number, expected++);
  }
  EXPECT_EQ(cursor.missed(), 0u);
}

TEST(RingTest, PacketLargerThanTheRingIsStillDelivered) {
  Ring ring({.duration = 2s, .bytes = 1000});
  Feed feed(ring);
  Cursor cursor = ring.cursor_live();
  feed.frame(true, 5000);
  EXPECT_EQ(ring.figures().packets, 1u);
  EXPECT_EQ(drain(cursor), (std::vector<uint64_t>{0}));
}

TEST(RingTest, NewestKeyframeIsTheLastPushed) {
  Ring ring({.duration = 100s, .bytes = kNoLimit});
  Feed feed(ring);
  EXPECT_FALSE(ring.newest_keyframe());
  feed.gop(25);
  feed.gop(3);
  EXPECT_EQ(number_of(*ring.newest_keyframe()), 25u);
}

TEST(RingTest, ReadEndsAtItsDeadline) {
  Ring ring(RingLimits{});
  Cursor cursor = ring.cursor_live();
  std::vector<Packet> packets;
  const MonoTime deadline = now() + 20ms;
  EXPECT_EQ(cursor.read(packets, 1, deadline, kNoStop), 0u);
  EXPECT_GE(now(), deadline);
}

TEST(RingTest, WaitingReadersAreWokenByTheStop) {
  Ring ring(RingLimits{});
  std::stop_source stop;
  auto read = std::async(std::launch::async, [&] {
    Cursor cursor = ring.cursor_live();
    std::vector<Packet> packets;
    return cursor.read(packets, 1, kNever, stop.get_token());
  });
  stop.request_stop();
  EXPECT_EQ(read.get(), 0u);
}

TEST(RingTest, IsAwaitedWhileSomebodyWaitsForAPacket) {
  Ring ring({});
  Feed feed(ring);
  feed.gop(3);
  EXPECT_FALSE(ring.awaited());
  Cursor behind = ring.cursor_at(feed.time);
  EXPECT_FALSE(drain(behind).empty());
  EXPECT_FALSE(ring.awaited()) << "who only takes what is there does not wait";
  auto waiting = std::async(std::launch::async, [&] {
    std::vector<Packet> packets;
    return behind.read(packets, 1, soon(), kNoStop);
  });
  EXPECT_TRUE(test::eventually(10s, [&] { return ring.awaited(); }));
  feed.frame(false);
  EXPECT_EQ(waiting.get(), 1u);
  EXPECT_FALSE(ring.awaited());
}

TEST(RingTest, ReadersOnOtherThreadsGetEveryPacketInOrder) {
  constexpr uint64_t kPackets = 20'000;
  constexpr int kReaders = 4;
  Ring ring({.duration = 3600s, .bytes = kNoLimit});
  std::vector<std::future<bool>> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.push_back(std::async(std::launch::async, [&ring, cursor = ring.cursor_live()]() mutable {
      uint64_t expected = 0;
      std::vector<Packet> packets;
      while (expected < kPackets) {
        packets.clear();
        if (cursor.read(packets, 64, Clock::system().mono() + 30s, kNoStop) == 0) return false;
        for (const Packet& p : packets)
          if (number_of(p) != expected++) return false;
      }
      return cursor.missed() == 0;
    }));
  }
  Feed feed(ring);
  for (uint64_t i = 0; i < kPackets; ++i) feed.frame(i % 50 == 0);
  for (auto& reader : readers) EXPECT_TRUE(reader.get());
}

// Counts the pushes of which it was told.
struct Counter : RingListener {
  void on_push() override { ++pushes; }
  int pushes = 0;
};

TEST(RingTest, AListenerIsToldOfEachPushAndMakesTheRingAwaited) {
  Ring ring({.duration = 10s, .bytes = kNoLimit});
  Feed feed(ring);
  const auto one = std::make_shared<Counter>();
  const auto two = std::make_shared<Counter>();
  feed.frame(true);
  ring.add_listener(one);
  EXPECT_TRUE(ring.awaited());
  feed.frame(false);
  ring.add_listener(two);
  feed.frame(false);
  ring.remove_listener(one);
  feed.frame(false);
  EXPECT_TRUE(ring.awaited());
  ring.remove_listener(two);
  EXPECT_FALSE(ring.awaited());
  feed.frame(false);
  EXPECT_EQ(one->pushes, 2);
  EXPECT_EQ(two->pushes, 2);
}

TEST(RingTest, TryReadTakesWhatIsThereAndKnowsItsNumber) {
  Ring ring({.duration = 10s, .bytes = kNoLimit});
  Feed feed(ring);
  Cursor cursor = ring.cursor_at(kNever);
  EXPECT_FALSE(cursor.try_read());
  feed.gop(2);
  ring.push(numbered(2, feed.time, 10, true, Track::audio));
  for (uint64_t number = 0; number < 3; ++number) {
    const auto packet = cursor.try_read();
    ASSERT_TRUE(packet);
    EXPECT_EQ(number_of(*packet), number);
    EXPECT_EQ(cursor.passed().packets, number + 1);
  }
  EXPECT_EQ(cursor.passed().frames, 2u);
  EXPECT_FALSE(cursor.try_read());
}

TEST(RingTest, TheBacklogIsWhatWasPushedSinceTheCursorWasMade) {
  Ring ring({.duration = 10s, .bytes = kNoLimit});
  Feed feed(ring);
  feed.gop(25);
  Cursor cursor = ring.cursor_at(kNever);
  EXPECT_EQ(cursor.backlog().frames, 0u);
  EXPECT_EQ(cursor.backlog().duration, 0us);
  feed.gop(11);
  EXPECT_EQ(cursor.backlog().frames, 11u);
  EXPECT_EQ(cursor.backlog().duration, 10 * kFrame);
  drain(cursor, 30);
  EXPECT_EQ(cursor.backlog().frames, 6u);
  EXPECT_EQ(cursor.backlog().duration, 5 * kFrame);
  drain(cursor);
  EXPECT_EQ(cursor.backlog().frames, 0u);
}

TEST(RingTest, WhatACursorSkipsIsMissed) {
  Ring ring({.duration = 10s, .bytes = kNoLimit});
  Feed feed(ring);
  feed.gop(10);
  Cursor cursor = ring.cursor_at(kNever);
  ASSERT_EQ(drain(cursor, 3).back(), 2u);
  feed.gop(10);
  feed.gop(10);
  cursor.skip_to_newest_keyframe();
  EXPECT_EQ(cursor.missed(), 17u);
  EXPECT_EQ(drain(cursor, 1).front(), 20u);
  cursor.skip_to_newest_keyframe();  // which was read
  EXPECT_EQ(cursor.missed(), 17u + 9);
  EXPECT_FALSE(cursor.try_read());
  feed.frame(false);
  EXPECT_FALSE(cursor.try_read());
  feed.gop(10);
  EXPECT_EQ(number_of(*cursor.try_read()), 31u);
  EXPECT_EQ(cursor.missed(), 17u + 9 + 1);
  feed.gop(10);
  feed.gop(10);
  cursor.skip_to_next_keyframe();
  EXPECT_EQ(number_of(*cursor.try_read()), 41u);
  EXPECT_EQ(cursor.missed(), 17u + 9 + 1 + 9);
}

}  // namespace
}  // namespace vedette
