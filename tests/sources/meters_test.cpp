#include <gtest/gtest.h>

#include "sources/coverage_meter.h"
#include "sources/rate_meter.h"

namespace vedette {
namespace {

constexpr double kTolerance = 0.05;  // of the true value

const MonoTime kStart{1000s + 370ms};

TEST(RateMeterTest, TellsTheRatesOfASteadyStream) {
  for (const int fps : {2, 10, 25, 30, 60}) {
    RateMeter meter;
    constexpr size_t kFrameBytes = 20'000;
    constexpr size_t kSoundBytes = 300;
    MonoTime now = kStart;
    for (int i = 0; i < 20 * fps; ++i, now += microseconds(1'000'000 / fps)) {
      meter.add(now, true, kFrameBytes);
      meter.add(now, false, kSoundBytes);
    }
    const auto rates = meter.rates(now);
    EXPECT_NEAR(rates.fps, fps, fps * kTolerance);
    const double bps = fps * (kFrameBytes + kSoundBytes) * 8.0;
    EXPECT_NEAR(static_cast<double>(rates.bitrate_bps), bps, bps * kTolerance);
  }
}

TEST(RateMeterTest, FollowsAChangeWithinTheWindow) {
  RateMeter meter;
  MonoTime now = kStart;
  for (int i = 0; i < 250; ++i, now += 40ms) meter.add(now, true, 1000);
  for (int i = 0; i < 70; ++i, now += 100ms) meter.add(now, true, 1000);
  EXPECT_NEAR(meter.rates(now).fps, 10, 10 * kTolerance);
}

TEST(RateMeterTest, IsZeroAfterSilence) {
  RateMeter meter;
  for (int i = 0; i < 100; ++i) meter.add(kStart + i * 40ms, true, 1000);
  EXPECT_EQ(meter.rates(kStart + 4s + 7s).fps, 0);
  EXPECT_EQ(meter.rates(kStart + 1h).bitrate_bps, 0);
}

TEST(RateMeterTest, IsRightAsSoonAsASecondWasWhole) {
  RateMeter meter;
  EXPECT_EQ(meter.rates(kStart).fps, 0);
  MonoTime now = kStart;
  for (; now < kStart + 2s; now += 40ms) meter.add(now, true, 1000);
  EXPECT_NEAR(meter.rates(now).fps, 25, 25 * kTolerance);
}

TEST(RateMeterTest, EverySecondIsCountedInOneWindowOnly) {
  RateMeter meter;
  meter.add(kStart, true, 1000);
  meter.add(kStart + 1s, true, 1000);
  EXPECT_EQ(meter.rates(kStart + 2s).fps, 1);
  EXPECT_EQ(meter.rates(kStart + 6s).fps, 1.0 / RateMeter::kWindow);
  EXPECT_EQ(meter.rates(kStart + 7s).fps, 0);
}

TEST(CoverageMeterTest, IsWholeForASteadyStream) {
  CoverageMeter meter(kStart);
  for (MonoTime now = kStart; now < kStart + 3h; now += 100ms) meter.add(now);
  EXPECT_NEAR(meter.pct(kStart + 3h), 100, 1);
}

TEST(CoverageMeterTest, IsRightFromTheFirstMinuteOn) {
  CoverageMeter meter(kStart);
  for (MonoTime now = kStart + 20s; now < kStart + 40s; now += 100ms) meter.add(now);
  EXPECT_NEAR(meter.pct(kStart + 40s), 50, 5);
}

TEST(CoverageMeterTest, IsWholeFromTheFirstSecondOn) {
  CoverageMeter meter(kStart);
  for (MonoTime now = kStart; now < kStart + 5s; now += 40ms) {
    meter.add(now);
    EXPECT_EQ(meter.pct(now), 100);
  }
}

TEST(CoverageMeterTest, CountsOutages) {
  CoverageMeter meter(kStart);
  for (int minute = 0; minute < 60; ++minute)
    for (int s = 0; s < 45; ++s) meter.add(kStart + minute * 60s + s * 1s);
  EXPECT_NEAR(meter.pct(kStart + 1h), 75, 5);
}

TEST(CoverageMeterTest, ForgetsWhatIsOlderThanAnHour) {
  CoverageMeter meter(kStart);
  for (MonoTime now = kStart; now < kStart + 1h; now += 500ms) meter.add(now);
  EXPECT_NEAR(meter.pct(kStart + 90min), 50, 5);
  EXPECT_EQ(meter.pct(kStart + 3h), 0);
  for (MonoTime now = kStart + 3h; now < kStart + 4h; now += 500ms) meter.add(now);
  EXPECT_NEAR(meter.pct(kStart + 4h), 100, 2);
}

TEST(CoverageMeterTest, OfNothingIsZero) {
  CoverageMeter meter(kStart);
  EXPECT_EQ(meter.pct(kStart), 0);
  EXPECT_EQ(meter.pct(kStart + 10s), 0);
}

}  // namespace
}  // namespace vedette
