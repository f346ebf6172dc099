#include "media/ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <random>
#include <thread>

#include "tests/support/wait.h"

namespace vedette {
namespace {

constexpr microseconds kFrame = 40ms;
constexpr size_t kNoLimit = 1 << 30;
const std::stop_token kNoStop;

MonoTime soon() {
  return Clock::system().mono() + 10s;
}
MonoTime now() {
  return Clock::system().mono();
}

// A packet that knows its number: it is the first eight bytes of the payload.
Packet numbered(uint64_t number, MonoTime pts, size_t bytes, bool keyframe, Track track = Track::video) {
  std::vector<uint8_t> payload(std::max(bytes, sizeof number));
  std::memcpy(payload.data(), &number, sizeof number);
  Packet packet;
  packet.data = Payload::copy_of(payload);
  packet.pts = packet.dts = pts;
  packet.track = track;
  packet.keyframe = keyframe;
  return packet;
}

uint64_t number_of(const Packet& packet) {
  uint64_t number = 0;
  std::memcpy(&number, packet.payload().data(), sizeof number);
  return number;
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

std::vector<uint64_t> drain(Cursor& cursor, size_t most = 100000) {
  std::vector<Packet> packets;
  cursor.read(packets, most, now(), kNoStop);
  std::vector<uint64_t> numbers;
  for (const Packet& p : packets) numbers.push_back(number_of(p));
  return numbers;
}

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

// The rules of eviction in their plainest form, on a list of everything that is kept.
class Model {
 public:
  explicit Model(RingLimits limits) : limits_(limits) {}

  void push(const Packet& packet) {
    kept_.push_back(packet);
    if (packet.video()) newest_ = packet.pts;
    while (gops() >= 2 &&
           (newest_ - kept_[second_gop()].pts >= limits_.duration || (bytes() > limits_.bytes && gops() >= 3)))
      kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(second_gop()));
    while (bytes() > limits_.bytes && kept_.size() > 1) kept_.erase(kept_.begin());
  }
  size_t bytes() const {
    size_t sum = 0;
    for (const Packet& p : kept_) sum += p.payload().size();
    return sum;
  }
  std::vector<uint64_t> from(MonoTime t) const {
    std::optional<size_t> begin;
    for (size_t i = 0; i < kept_.size(); ++i)
      if (kept_[i].video_keyframe() && (!begin || kept_[i].pts <= t)) begin = i;
    std::vector<uint64_t> numbers;
    for (size_t i = begin.value_or(kept_.size()); i < kept_.size(); ++i) numbers.push_back(number_of(kept_[i]));
    return numbers;
  }
  const std::vector<Packet>& kept() const { return kept_; }

 private:
  // Packets in front of the first keyframe are a GOP of their own.
  size_t gops() const {
    size_t count = 0;
    for (size_t i = 0; i < kept_.size(); ++i) count += i == 0 || kept_[i].video_keyframe();
    return count;
  }
  size_t second_gop() const {
    for (size_t i = 1; i < kept_.size(); ++i)
      if (kept_[i].video_keyframe()) return i;
    return kept_.size();
  }

  RingLimits limits_;
  std::vector<Packet> kept_;
  MonoTime newest_;
};

class RingPropertyTest : public testing::TestWithParam<unsigned> {};

TEST_P(RingPropertyTest, AgreesWithAModelOnRandomStreams) {
  std::mt19937 random(GetParam());
  const auto up_to = [&](unsigned most) { return random() % (most + 1); };
  const RingLimits limits{.duration = milliseconds(up_to(3000)), .bytes = 1000 + up_to(60'000)};
  const unsigned longest_gop = 1 + up_to(60);
  Ring ring(limits);
  Model model(limits);
  Cursor reader = ring.cursor_live();
  uint64_t read = 0;
  MonoTime time(100s);
  unsigned to_keyframe = up_to(longest_gop);
  for (uint64_t number = 0; number < 1500; ++number) {
    const bool audio = up_to(3) == 0;
    const bool keyframe = audio || to_keyframe == 0;
    if (!audio) to_keyframe = to_keyframe == 0 ? up_to(longest_gop) : to_keyframe - 1;
    time += milliseconds(up_to(80));
    const size_t bytes = 8 + (keyframe && !audio ? up_to(3000) : up_to(400));
    const Packet packet = numbered(number, time, bytes, keyframe, audio ? Track::audio : Track::video);
    model.push(packet);
    ring.push(packet);

    const RingFigures figures = ring.figures();
    ASSERT_EQ(figures.packets, model.kept().size()) << "after packet " << number;
    ASSERT_EQ(figures.bytes, model.bytes());
    if (up_to(20) == 0) {
      const MonoTime t = time - milliseconds(up_to(6000));
      Cursor cursor = ring.cursor_at(t);
      ASSERT_EQ(drain(cursor), model.from(t));
    }
    if (up_to(60) == 0) {
      const uint64_t missed_before = reader.missed();
      const std::vector<uint64_t> numbers = drain(reader, 1 + up_to(200));
      if (!numbers.empty()) {
        // What was read or missed before is all there was before.
        ASSERT_EQ(numbers.front(), read + reader.missed());
        const auto first = std::find_if(model.kept().begin(), model.kept().end(),
                                        [&](const Packet& p) { return number_of(p) == numbers.front(); });
        ASSERT_NE(first, model.kept().end());
        ASSERT_TRUE(reader.missed() == missed_before || first->video_keyframe());
      }
      for (size_t i = 1; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], numbers[i - 1] + 1);
      read += numbers.size();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RingPropertyTest, testing::Range(0u, 60u));

}  // namespace
}  // namespace vedette
