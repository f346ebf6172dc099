#include "media/timeline.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

constexpr microseconds kFrame = 40ms;
constexpr std::nullopt_t kNone = std::nullopt;

// A source: packets with the times it gives, and the times that come out.
struct Source {
  explicit Source(const VideoTimes::Options& options) : times(options) {}

  void frame(std::optional<microseconds> pts, std::optional<microseconds> dts = {}, microseconds elapsed = kFrame) {
    UntimedPacket packet;
    packet.pts = pts;
    packet.dts = dts;
    packet.arrival = arrival += elapsed;
    packet.packet.duration = kFrame;
    times.push(std::move(packet));
  }
  std::vector<int64_t> pts_ms() {
    std::vector<int64_t> out;
    while (auto packet = times.pop()) {
      EXPECT_TRUE(!last_dts || packet->dts > *last_dts);
      EXPECT_GE(packet->pts, packet->dts);
      last_dts = packet->dts;
      out.push_back(to_ms(packet->pts));
    }
    return out;
  }

  VideoTimes times;
  MonoTime arrival{1000s};
  std::optional<microseconds> last_dts;
};

using Times = std::vector<int64_t>;

TEST(VideoTimesTest, TimesOfAGoodSourceStayAsTheyAre) {
  Source source({.reorder_frames = 1});
  source.frame(100ms, 0ms);
  source.frame(400ms, 100ms);
  source.frame(200ms, 200ms);
  EXPECT_EQ(source.pts_ms(), (Times{100, 400, 200}));
  EXPECT_EQ(source.last_dts, 200ms);
}

TEST(VideoTimesTest, FirstPacketOfAnRtspSessionGetsTheTimeBeforeTheNext) {
  Source source({.live = true, .trust_dts = false});
  source.frame(kNone);
  EXPECT_TRUE(source.pts_ms().empty());
  source.frame(1000ms);
  EXPECT_EQ(source.pts_ms(), (Times{960, 1000}));
  source.frame(1040ms);
  EXPECT_EQ(source.pts_ms(), (Times{1040}));
}

TEST(VideoTimesTest, FirstPacketBeforeBFramesGetsTheTimeBeforeTheEarliest) {
  Source source({.reorder_frames = 2, .live = true, .trust_dts = false});
  source.frame(kNone);
  for (const microseconds pts : {1120ms, 1040ms, 1000ms, 1080ms}) source.frame(pts);
  EXPECT_EQ(source.pts_ms(), (Times{960, 1120, 1040, 1000, 1080}));
}

TEST(VideoTimesTest, DecodingTimesAreMadeFromAReorderBuffer) {
  Source source({.reorder_frames = 2, .live = true, .trust_dts = false});
  std::vector<int64_t> dts;
  for (const microseconds pts : {0ms, 160ms, 80ms, 40ms, 120ms, 320ms, 240ms}) {
    source.frame(pts);
    while (auto packet = source.times.pop()) dts.push_back(to_ms(packet->dts));
  }
  EXPECT_EQ(dts, (Times{-80, -40, 0, 40, 80, 120, 160}));
}

TEST(VideoTimesTest, ReorderingThatIsNotAnnouncedIsSeenInTheFirstFrames) {
  Source source({.live = true, .trust_dts = false, .look_ahead = 3});
  for (const microseconds pts : {0ms, 160ms, 80ms, 40ms, 120ms, 320ms, 240ms, 200ms}) source.frame(pts);
  EXPECT_EQ(source.pts_ms(), (Times{0, 160, 80, 40, 120, 320, 240, 200}));
}

TEST(VideoTimesTest, ReorderingThatBeginsLaterIsLearnt) {
  Source source({.live = true, .trust_dts = false});
  for (int i = 0; i < 10; ++i) source.frame(i * kFrame);
  for (int i = 10; i < 40; i += 2) {
    source.frame((i + 1) * kFrame);
    source.frame(i * kFrame);
  }
  const Times times = source.pts_ms();
  ASSERT_EQ(times.size(), 40u);
  EXPECT_EQ(times[38], 39 * 40);
  EXPECT_EQ(times[39], 38 * 40);
}

TEST(VideoTimesTest, SourceWithoutAnyTimesIsCounted) {
  Source source({.fps = 25});
  for (int i = 0; i < 40; ++i) source.frame(kNone);
  const Times times = source.pts_ms();
  ASSERT_EQ(times.size(), 40u);
  for (size_t i = 1; i < times.size(); ++i) EXPECT_EQ(times[i] - times[i - 1], 40);
}

TEST(VideoTimesTest, HeldPacketsGoOutAtTheEnd) {
  Source source({});
  source.frame(kNone);
  source.times.finish();
  EXPECT_EQ(source.pts_ms().size(), 1u);
}

TEST(VideoTimesTest, DecodingTimesBeginAnewWhereTheClockOfALiveSourceSteps) {
  Source source({.reorder_frames = 1, .live = true, .trust_dts = false});
  const auto dts_of = [&](microseconds pts) {
    source.frame(pts);
    const auto packet = source.times.pop();
    EXPECT_EQ(packet->pts, pts);
    return to_ms(packet->dts);
  };
  EXPECT_EQ(dts_of(0ms), -40);
  EXPECT_EQ(dts_of(80ms), 0);
  EXPECT_EQ(dts_of(10'080ms), 10'040);
  EXPECT_EQ(dts_of(10'160ms), 10'080);
  EXPECT_EQ(dts_of(200ms), 160);
  EXPECT_EQ(dts_of(280ms), 200);
}

// FLV and MPEG-TS can say so; the ring would hold nothing but this picture then.
TEST(VideoTimesTest, APictureOfALiveSourceIsNotShownAnHourAfterItIsDecoded) {
  Source source({.live = true});
  source.frame(1000ms, 1000ms);
  source.frame(3'600'000ms, 1040ms);
  source.frame(1160ms, 1080ms);
  EXPECT_EQ(source.pts_ms(), (Times{1000, 1040, 1160}));
}

TEST(VideoTimesTest, JumpsBackwardsInAFileAreTakenOut) {
  Source source({});
  for (const microseconds time : {10'000ms, 10'040ms, 40ms, 80ms}) source.frame(time, time);
  EXPECT_EQ(source.pts_ms(), (Times{10'000, 10'040, 10'080, 10'120}));
}

TEST(VideoTimesTest, SilenceOfALiveSourceStaysAGap) {
  Source source({.live = true, .trust_dts = false});
  source.frame(0ms);
  source.frame(8000ms, kNone, 8s);
  EXPECT_EQ(source.pts_ms(), (Times{0, 8000}));
}

TEST(VideoTimesTest, BurstAfterAStallKeepsItsTimes) {
  Source source({.live = true, .trust_dts = false});
  source.frame(0ms);
  source.frame(40ms, kNone, 5s);
  for (int i = 2; i < 10; ++i) source.frame(i * kFrame, kNone, 0ms);
  EXPECT_EQ(source.pts_ms().back(), 9 * 40);
}

TEST(VideoTimesTest, GapInAFileStays) {
  Source source({});
  source.frame(0ms, 0ms);
  source.frame(60'000ms, 60'000ms);
  EXPECT_EQ(source.pts_ms(), (Times{0, 60'000}));
}

TEST(AudioTimesTest, PacketWithoutTimeFollowsTheOneBefore) {
  AudioTimes times(false);
  const auto place = [&](std::optional<microseconds> pts) {
    UntimedPacket packet;
    packet.pts = pts;
    packet.packet.duration = 64ms;
    return times.place(std::move(packet));
  };
  EXPECT_FALSE(place(kNone));
  EXPECT_EQ(place(100ms)->pts, 100ms);
  EXPECT_EQ(place(kNone)->pts, 164ms);
  EXPECT_GT(place(164ms)->pts, 164ms);
}

}  // namespace
}  // namespace vedette
