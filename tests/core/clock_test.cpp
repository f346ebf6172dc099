#include "core/clock.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace vedette {
namespace {

TEST(Rfc3339Test, WritesUtcWithMilliseconds) {
  EXPECT_EQ(to_rfc3339(UtcTime(0us)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(UtcTime(1'795'163'489'123'999us)), "2026-11-20T08:31:29.123Z");
  EXPECT_EQ(to_rfc3339(UtcTime(-1us)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(to_rfc3339(UtcTime(microseconds::max())).substr(0, 5), "9999-") << "there is no later year";
}

TEST(Rfc3339Test, ReadsWhatItWrites) {
  for (const int64_t ms : {0LL, 1LL, 951'782'400'000LL, 1'795'163'489'123LL, 4'102'444'799'999LL}) {
    const UtcTime time{milliseconds(ms)};
    EXPECT_EQ(from_rfc3339(to_rfc3339(time)), time) << ms;
  }
}

TEST(Rfc3339Test, TakesEveryFormOfAnInstant) {
  const UtcTime expected(1'795'163'489'120'000us);
  for (const char* text : {"2026-11-20T08:31:29.12Z", "2026-11-20t08:31:29.12z", "2026-11-20 08:31:29.120000000Z",
                           "2026-11-20T09:31:29.12+01:00", "2026-11-20T01:01:29.12-07:30"})
    EXPECT_EQ(from_rfc3339(text), expected) << text;
}

TEST(Rfc3339Test, CutsBelowAMicrosecond) {
  EXPECT_EQ(from_rfc3339("1970-01-01T00:00:00.123456789Z"), UtcTime(123'456us));
}

TEST(Rfc3339Test, KnowsLeapDaysAndLeapSeconds) {
  EXPECT_TRUE(from_rfc3339("2024-02-29T00:00:00Z"));
  EXPECT_FALSE(from_rfc3339("2026-02-29T00:00:00Z"));
  EXPECT_EQ(from_rfc3339("2016-12-31T23:59:60Z"), from_rfc3339("2017-01-01T00:00:00Z"));
}

TEST(Rfc3339Test, RefusesEverythingElse) {
  for (const char* text :
       {"", "now", "2026-11-20", "2026-11-20T08:31:29", "2026-11-20T08:31Z", "2026-11-20T24:00:00Z",
        "2026-11-20T08:60:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-11-31T00:00:00Z",
        "2026-11-20T08:31:29.Z", "2026-11-20T08:31:29.1234567890Z", "2026-11-20T08:31:29Zx", " 2026-11-20T08:31:29Z",
        "2026-11-20T08:31:29+0100", "2026-11-20T08:31:29+24:00", "26-11-20T08:31:29Z", "+2026-11-20T08:31:29Z"})
    EXPECT_FALSE(from_rfc3339(text)) << text;
}

TEST(ClockTest, ConvertsByTheOffsetAsItIsNow) {
  test::FakeClock clock(UtcTime(100s), MonoTime(7s));
  EXPECT_EQ(clock.to_utc(MonoTime(6s)), UtcTime(99s));
  EXPECT_EQ(clock.to_mono(UtcTime(103s)), MonoTime(10s));
  clock.step_utc(1h);
  EXPECT_EQ(clock.to_utc(MonoTime(6s)), UtcTime(99s + 1h));
}

TEST(ClockTest, OfTheSystemGoesOn) {
  const MonoTime before = Clock::system().mono();
  EXPECT_LE(before, Clock::system().mono());
  EXPECT_GT(kNever, before);
}

TEST(ClockTest, RoundsDownToMilliseconds) {
  EXPECT_EQ(to_ms(1999us), 1);
  EXPECT_EQ(to_ms(-1us), -1);
}

TEST(ClockTest, KnowsTheBoot) {
  EXPECT_EQ(boot_id().size(), 36u);
  EXPECT_EQ(&boot_id(), &boot_id());
}

TEST(ClockTest, WhatIsConvertedThereAndBackIsWhatItWas) {
  const Clock& clock = Clock::system();
  for (int i = 0; i < 100'000; ++i) {
    const UtcTime t = clock.utc();
    ASSERT_EQ(clock.to_utc(clock.to_mono(t)), t) << i;
  }
}

}  // namespace
}  // namespace vedette
