#include "sources/camera_time.h"

#include <gtest/gtest.h>

#include "sources/rtsp/rtp.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"

namespace vedette {
namespace {

using namespace test;

constexpr MonoTime kBoot{1000s};
constexpr UtcTime kThen{1'795'000'000s};

// What is believed of a camera's clock that is so far off at that time of the session.
std::optional<UtcTime> say(CameraTime& time, microseconds at, microseconds off = 0s) {
  return time.believed(kThen + at + off, kBoot + at);
}

TEST(CameraTimeTest, WhatNoClockThatWasSetShowsIsNotBelieved) {
  CameraTime time;
  EXPECT_FALSE(time.believed({}, kBoot));
  EXPECT_FALSE(time.believed(UtcTime(0s), kBoot)) << "1970";
  EXPECT_FALSE(time.believed(UtcTime(3600s), kBoot)) << "an hour after it was switched on";
  EXPECT_FALSE(time.believed(kClockWasSet - 1us, kBoot));
  EXPECT_FALSE(time.believed(UtcTime(microseconds::max()), kBoot));
  EXPECT_FALSE(time.believed(UtcTime(microseconds::min()), kBoot));
  EXPECT_FALSE(time.believed(rtsp::SenderReport{}.utc(), kBoot)) << "a report without a time says 0";
  EXPECT_EQ(say(time, 0s), kThen) << "and none of them did any harm";
}

TEST(CameraTimeTest, AClockThatIsYearsOffIsBelieved) {
  CameraTime time;
  for (int s = 0; s < 10; ++s) EXPECT_EQ(say(time, seconds(s), -std::chrono::hours(24 * 900)).has_value(), true);
}

TEST(CameraTimeTest, DriftIsNoStep) {
  CameraTime time;
  for (int s = 0; s < 100'000; ++s) EXPECT_TRUE(say(time, seconds(s), microseconds(100 * s))) << s;
}

// libavformat's, where the RTP timestamps wrap: 2^32 ticks of 90 kHz too early until the next report.
TEST(CameraTimeTest, AWrapOfTheTimestampsIsLeftOut) {
  CameraTime time;
  const microseconds wrap(47'721'858'844);
  for (int ms = 0; ms < 10'000; ms += 40) EXPECT_TRUE(say(time, milliseconds(ms)));
  for (int ms = 10'000; ms < 40'000; ms += 40) EXPECT_FALSE(say(time, milliseconds(ms), -wrap));
  for (int ms = 40'000; ms < 50'000; ms += 40) EXPECT_TRUE(say(time, milliseconds(ms)));
}

TEST(CameraTimeTest, AClockThatIsSetIsBelievedWhenItStaysSo) {
  CameraTime time;
  EXPECT_TRUE(say(time, 0s));
  for (int s = 1; s < 61; ++s) EXPECT_FALSE(say(time, seconds(s), 1h)) << s;
  EXPECT_EQ(say(time, 61s, 1h), kThen + 61s + 1h);
  EXPECT_FALSE(say(time, 62s)) << "and now the old one is the step";
}

TEST(CameraTimeTest, AClockThatJumpsAboutIsNeverBelieved) {
  CameraTime time;
  EXPECT_TRUE(say(time, 0s));
  for (int s = 1; s < 300; ++s) EXPECT_FALSE(say(time, seconds(s), seconds(100 + 10 * (s % 2)))) << s;
}

// Through our own client, and through libavformat.
class CameraTimeOverRtspTest : public testing::TestWithParam<const char*> {};

TEST_P(CameraTimeOverRtspTest, ReportsTellTheCamerasClock) {
  constexpr seconds kAhead{5'000};
  const CameraSim cameras(
      {.media = {footage(Footage::h264_aac_1080p25)}, .more = {"--clock-offset", std::to_string(kAhead.count())}});
  SourceConfig config;
  config.url = cameras.url();
  config.transport = GetParam();
  SourceRun run(config);
  const auto known = [](const std::vector<Packet>& packets) {
    return std::count_if(packets.begin(), packets.end(), [](const Packet& p) { return p.camera_utc.has_value(); });
  };
  ASSERT_TRUE(run.wait_for(20s, [&](const auto& packets) { return known(packets) >= 50; }));
  run.stop();
  const auto packets = run.packets();
  EXPECT_FALSE(packets.front().camera_utc) << "nothing is known before the first report";
  for (const Packet& packet : packets) {
    if (!packet.camera_utc) continue;
    EXPECT_TRUE(packet.video());
    const auto ahead = *packet.camera_utc - Clock::system().to_utc(packet.pts);
    EXPECT_LT(std::chrono::abs(ahead - kAhead), 300ms) << ahead.count() << " us";
  }
}

INSTANTIATE_TEST_SUITE_P(, CameraTimeOverRtspTest, testing::Values("tcp", "udp"));

}  // namespace
}  // namespace vedette
