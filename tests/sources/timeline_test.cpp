#include "sources/timeline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "tests/support/fake_clock.h"

namespace vedette {
namespace {

using test::FakeClock;

constexpr microseconds kFrame = 40ms;
constexpr microseconds kSound = 64ms;

// A camera: its own clock starts anywhere, and a network that delays.
class Camera {
 public:
  explicit Camera(microseconds clock_start = 3'600s) : source_start_(clock_start) {}

  // A frame captured now, on the way for so long (a delay that is shorter than before does not overtake).
  void frame(microseconds delay = 0us, microseconds reorder = 0us) {
    add(Track::video, clock.mono(), reorder, delay);
    clock.advance(kFrame);
  }
  // A frame of the past that arrives now, as servers that begin with the last GOP send them.
  void old_frame(microseconds age) { add(Track::video, clock.mono() - age, 0us, 0us); }
  void sound(microseconds delay = 0us) { add(Track::audio, clock.mono(), 0us, delay); }

  void add(Track track, MonoTime captured, microseconds reorder, microseconds delay) {
    arrival_ = std::max(arrival_, clock.mono() + delay);
    DemuxedPacket packet;
    packet.track = track;
    packet.dts = source_time(captured) + (track == Track::video ? video_step : audio_step);
    packet.pts = packet.dts + reorder;
    packet.duration = track == Track::video ? kFrame : kSound;
    if (says) packet.camera_utc = says(captured);
    captured_.push_back(captured);
    timeline.add(std::move(packet), arrival_, [this](Packet out) { packets.push_back(std::move(out)); });
  }

  void frames(int count) {
    for (int i = 0; i < count; ++i) frame();
  }

  std::vector<Packet> of(Track track) const {
    std::vector<Packet> out;
    for (const Packet& packet : packets)
      if (packet.track == track) out.push_back(packet);
    return out;
  }
  const Packet& last(Track track) const {
    const auto it = std::find_if(packets.rbegin(), packets.rend(), [=](const Packet& p) { return p.track == track; });
    return *it;
  }
  // How much later than really captured the newest packet is placed; all packets are to be video, and out.
  microseconds error() const { return packets.back().pts - captured_[packets.size() - 1]; }

  microseconds source_time(MonoTime t) const {
    const auto passed = static_cast<double>((t - start_).count());
    return source_start_ + microseconds(std::llround(passed * (1 + ppm * 1e-6)));
  }

  FakeClock clock;
  Timeline timeline{clock};
  std::vector<Packet> packets;
  double ppm = 0;
  microseconds video_step{0}, audio_step{0};
  std::function<std::optional<UtcTime>(MonoTime)> says;  // of its own clock

 private:
  const microseconds source_start_;
  const MonoTime start_ = clock.mono();
  MonoTime arrival_ = clock.mono();
  std::vector<MonoTime> captured_;
};

void expect_growing_dts(const std::vector<Packet>& packets) {
  for (size_t i = 1; i < packets.size(); ++i) {
    EXPECT_GT(packets[i].dts, packets[i - 1].dts) << i;
    EXPECT_GE(packets[i].pts, packets[i].dts) << i;
  }
}

TEST(TimelineTest, NothingIsLostWhileTheOffsetIsSought) {
  Camera camera;
  for (int i = 0; i < 100; ++i) {
    camera.sound();
    camera.frame();
  }
  EXPECT_EQ(camera.of(Track::video).size(), 100u);
  EXPECT_EQ(camera.of(Track::audio).size(), 100u);
  EXPECT_EQ(camera.timeline.audio_left_out(), 0u);
}

TEST(TimelineTest, LeastDelayedOfTheFirstPacketsSetsTheOffset) {
  Camera camera;
  for (const microseconds delay : {90ms, 70ms, 50ms, 30ms, 5ms, 60ms, 110ms, 80ms, 50ms, 120ms, 90ms})
    camera.frame(delay);
  ASSERT_FALSE(camera.packets.empty());
  EXPECT_LE(camera.error(), 10ms);
  EXPECT_GE(camera.error(), 0us);
  EXPECT_EQ(camera.packets[1].pts - camera.packets[0].pts, kFrame);
}

TEST(TimelineTest, BurstOfOldFramesAtTheStartIsPlacedInThePast) {
  Camera camera;
  const MonoTime connected = camera.clock.mono();
  for (int age = 50; age > 0; --age) camera.old_frame(age * kFrame);
  camera.frames(20);
  ASSERT_EQ(camera.packets.size(), 70u);
  EXPECT_EQ(camera.packets.front().pts, connected - 50 * kFrame);
  EXPECT_EQ(camera.error(), 0us);
  for (const Packet& packet : camera.packets) EXPECT_LE(packet.pts, packet.arrival);
}

TEST(TimelineTest, SoundOfABurstOfOldFramesIsKept) {
  Camera camera;
  for (int age = 60; age > 0; --age) {
    camera.add(Track::audio, camera.clock.mono() - age * kFrame, 0us, 0us);
    camera.old_frame(age * kFrame);
  }
  camera.frames(20);
  EXPECT_EQ(camera.of(Track::audio).size(), 60u);
}

TEST(TimelineTest, PictureIsWhatEverythingIsTimedBy) {
  Camera camera;
  for (int i = 0; i < 20; ++i) {
    camera.sound();
    camera.clock.advance(kSound);
  }
  EXPECT_TRUE(camera.packets.empty());
  camera.frames(10);
  EXPECT_EQ(camera.of(Track::video).size(), 10u);
}

class DriftTest : public testing::TestWithParam<double> {};

TEST_P(DriftTest, IsFollowedForAnHour) {
  Camera camera;
  camera.ppm = GetParam();
  std::minstd_rand random(1);  // a network with some jitter, the same in every run
  std::exponential_distribution<double> jitter_ms(1.0 / 5);
  microseconds worst{0};
  constexpr int kFramesOfAnHour = 3600 * 25;
  for (int i = 0; i < kFramesOfAnHour; ++i) {
    camera.frame(microseconds(static_cast<int64_t>(jitter_ms(random) * 1000)));
    if (camera.packets.empty()) continue;
    worst = std::max(worst, std::chrono::abs(camera.error()));
  }
  const auto far = microseconds(static_cast<int64_t>(std::abs(camera.ppm) * 60));  // behind by six windows
  EXPECT_LT(worst, 10ms + far);
  EXPECT_EQ(camera.timeline.jumps(), 0u);
  expect_growing_dts(camera.packets);
}

INSTANTIATE_TEST_SUITE_P(Ppm, DriftTest,
                         testing::Values(-40000.0, -1000.0, -200.0, -50.0, 0.0, 50.0, 200.0, 1000.0, 40000.0));

class StepTest : public testing::TestWithParam<microseconds> {};

TEST_P(StepTest, SetsANewOffsetAndDtsGoesOnGrowing) {
  Camera camera;
  camera.frames(50);
  camera.video_step = GetParam();
  camera.frames(50);
  EXPECT_EQ(camera.timeline.jumps(), 1u);
  ASSERT_EQ(camera.packets.size(), 100u);
  EXPECT_LT(std::chrono::abs(camera.error()), 1ms);
  expect_growing_dts(camera.packets);
}

TEST_P(StepTest, ErrorsOfManyStepsDoNotAddUp) {
  Camera camera;
  std::minstd_rand random(2);
  std::uniform_int_distribution<int> jitter_ms(0, 30);
  for (int step = 0; step < 200; ++step) {
    camera.video_step = step % 2 == 1 ? GetParam() : 0us;
    for (int i = 0; i < 25; ++i) camera.frame(milliseconds(jitter_ms(random)));
  }
  EXPECT_EQ(camera.timeline.jumps(), 199u);
  EXPECT_EQ(camera.packets.size(), 200u * 25);
  EXPECT_LT(std::chrono::abs(camera.error()), 40ms);
  expect_growing_dts(camera.packets);
}

TEST_P(StepTest, TwoStepsWithinTheTimeOfSettlingLoseNothing) {
  Camera camera;
  camera.frames(50);
  camera.video_step = GetParam();
  camera.frames(3);
  camera.video_step = 0us;
  camera.frames(50);
  EXPECT_EQ(camera.timeline.jumps(), 2u);
  EXPECT_EQ(camera.packets.size(), 103u);
  EXPECT_LT(std::chrono::abs(camera.error()), 1ms);
  expect_growing_dts(camera.packets);
}

INSTANTIATE_TEST_SUITE_P(Steps, StepTest, testing::Values(-3600s, -10s, -1100ms, 1100ms, 10s, 3600s));

TEST(TimelineTest, SilenceIsNoStep) {
  Camera camera;
  camera.frames(50);
  camera.clock.advance(8s);
  camera.frames(50);
  EXPECT_EQ(camera.timeline.jumps(), 0u);
  EXPECT_EQ(camera.error(), 0us);
  EXPECT_EQ(camera.packets[50].pts - camera.packets[49].pts, 8s + kFrame);
}

TEST(TimelineTest, BurstAfterAStalledNetworkKeepsItsTimes) {
  Camera camera;
  camera.frames(50);
  microseconds late = 4s;
  for (int i = 0; i < 100; ++i, late -= kFrame) {
    camera.sound(late);
    camera.frame(late);
  }
  camera.frames(20);
  EXPECT_EQ(camera.timeline.jumps(), 0u);
  EXPECT_EQ(camera.timeline.audio_left_out(), 0u);
  EXPECT_EQ(camera.error(), 0us) << "of the last frame";
  const auto video = camera.of(Track::video);
  for (size_t i = 1; i < video.size(); ++i) EXPECT_EQ(video[i].pts - video[i - 1].pts, kFrame);
}

// A server that throws away what a slow network does not take: old frames and new ones arrive together.
TEST(TimelineTest, FramesLeftOutInABurstShiftNothing) {
  Camera camera;
  camera.frames(50);
  camera.frame(6s);  // the last that was under way
  camera.clock.advance(6s - kFrame);
  camera.frames(50);
  EXPECT_LT(std::chrono::abs(camera.error()), 1ms);
  expect_growing_dts(camera.packets);
}

TEST(TimelineTest, AudioOfAnotherClockIsLeftOutUntilItFits) {
  Camera camera;
  camera.frames(50);
  camera.audio_step = 10s;  // the sender report of the sound comes first
  camera.sound();
  EXPECT_EQ(camera.timeline.audio_left_out(), 1u);
  camera.video_step = 10s;
  camera.frames(25);
  camera.sound();
  EXPECT_EQ(camera.timeline.audio_left_out(), 1u);
  ASSERT_EQ(camera.of(Track::audio).size(), 1u);
  EXPECT_LT(std::chrono::abs(camera.last(Track::audio).pts - camera.clock.mono()), 1ms);

  camera.video_step = 0us;  // and that of the picture when it goes back
  camera.frames(25);
  camera.sound();
  EXPECT_EQ(camera.timeline.audio_left_out(), 2u);
  camera.audio_step = 0us;
  camera.sound();
  EXPECT_EQ(camera.of(Track::audio).size(), 2u);
  expect_growing_dts(camera.of(Track::audio));
}

TEST(TimelineTest, ReorderedFramesKeepTheirOrder) {
  Camera camera;
  // I B B P ... in decoding order: how much later than decoded each is shown.
  const std::vector<microseconds> shown_after = {80ms, 160ms, 40ms, 40ms};
  for (int i = 0; i < 100; ++i) camera.frame(0us, shown_after[static_cast<size_t>(i) % 4]);
  const auto video = camera.of(Track::video);
  ASSERT_EQ(video.size(), 100u);
  expect_growing_dts(video);
  for (size_t i = 0; i < video.size(); ++i) EXPECT_EQ(video[i].pts - video[i].dts, shown_after[i % 4]) << i;
  EXPECT_LE(video.back().pts, video.back().arrival + 80ms);
}

TEST(TimelineTest, WallClockTimeOfArrivalFollowsTheClock) {
  Camera camera;
  camera.frames(20);
  camera.clock.step_utc(1h);
  camera.frame();
  const Packet& packet = camera.packets.back();
  EXPECT_EQ(packet.arrival_utc, camera.clock.to_utc(packet.arrival));
}

// Whatever a camera says of its clock, packets come out the same, at the same times.
TEST(TimelineTest, NothingOfOurTimeGoesByTheCamerasClock) {
  const auto run = [](const std::function<std::optional<UtcTime>(MonoTime)>& says) {
    Camera camera;
    camera.says = says;
    std::mt19937 random(7);
    for (int i = 0; i < 3000; ++i) {
      if (i == 1500) camera.video_step = camera.audio_step = 10s;
      camera.sound(microseconds(random() % 50'000));
      camera.frame(microseconds(random() % 80'000), i % 3 * 40ms);
    }
    return camera.packets;
  };
  std::mt19937_64 random(11);
  const auto silent = run({});
  const auto nonsense = run([&](MonoTime) { return UtcTime(microseconds(static_cast<int64_t>(random()))); });
  const auto right = run([](MonoTime captured) { return UtcTime(captured.time_since_epoch() + 1'795'000'000s); });
  ASSERT_EQ(nonsense.size(), silent.size());
  ASSERT_EQ(right.size(), silent.size());
  size_t believed = 0;
  for (size_t i = 0; i < silent.size(); ++i) {
    for (const Packet* other : {&nonsense[i], &right[i]}) {
      EXPECT_EQ(other->pts, silent[i].pts) << i;
      EXPECT_EQ(other->dts, silent[i].dts) << i;
      EXPECT_EQ(other->arrival, silent[i].arrival) << i;
      EXPECT_EQ(other->arrival_utc, silent[i].arrival_utc) << i;
    }
    EXPECT_FALSE(silent[i].camera_utc);
    believed += right[i].camera_utc.has_value();
  }
  EXPECT_EQ(believed, 3000u);
}

}  // namespace
}  // namespace vedette
