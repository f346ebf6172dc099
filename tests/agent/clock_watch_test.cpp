#include "agent/clock_watch.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace vedette {
namespace {

TEST(ClockWatchTest, TellsOfAStepOnceEitherWay) {
  test::FakeClock clock;
  ClockWatch watch(clock);
  for (const microseconds step : {microseconds(50h), microseconds(-501ms), microseconds(501ms)}) {
    clock.advance(1s);
    EXPECT_FALSE(watch.look());
    clock.step_utc(step);
    const auto change = watch.look();
    ASSERT_TRUE(change);
    EXPECT_EQ(change->step, step);
    EXPECT_FALSE(watch.look());
  }
}

TEST(ClockWatchTest, ALittleIsNoStepUntilItAddsUp) {
  test::FakeClock clock;
  ClockWatch watch(clock);
  clock.step_utc(400ms);
  EXPECT_FALSE(watch.look());
  clock.step_utc(400ms);
  EXPECT_EQ(watch.look()->step, 800ms);
}

TEST(ClockWatchTest, TellsWhenTheClockBecomesTrustworthy) {
  test::FakeClock clock;
  clock.set_synchronised(false);
  ClockWatch watch(clock);
  EXPECT_FALSE(watch.look());
  clock.set_synchronised(true);
  const auto change = watch.look();
  ASSERT_TRUE(change);
  EXPECT_EQ(change->step, 0us);
  EXPECT_TRUE(change->synced);
  EXPECT_FALSE(watch.look());
  clock.set_synchronised(false);
  EXPECT_FALSE(watch.look()) << "what was dated well stays so";
}

}  // namespace
}  // namespace vedette
