#include "agent/latency_alarm.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

using Change = LatencyAlarm::Change;

constexpr microseconds kThreshold = 40ms;

StageFigures with(Stage stage, microseconds p99, StageFigures figures = {}) {
  figures[static_cast<size_t>(stage)] = {.count = 10, .p50 = p99 / 2, .p99 = p99, .max = p99};
  return figures;
}

class LatencyAlarmTest : public testing::Test {
 protected:
  // What comes of seeing these once a second, so many times; the last change.
  Change see(const StageFigures& figures, int times) {
    Change last = Change::none;
    for (int i = 0; i < times; ++i) {
      now_ += 1s;
      if (const Change change = alarm_.see(figures, now_); change != Change::none) last = change;
    }
    return last;
  }

  LatencyAlarm alarm_{kThreshold};
  MonoTime now_{1000s};
};

TEST_F(LatencyAlarmTest, IsRaisedWhenAStageIsSlowForFiveSecondsAndNamesIt) {
  EXPECT_EQ(see(with(Stage::sync, 50ms), 5), Change::none);
  EXPECT_FALSE(alarm_.raised());
  EXPECT_EQ(see(with(Stage::sync, 50ms), 1), Change::raised);
  EXPECT_EQ(alarm_.worst(), Stage::sync);
  EXPECT_EQ(alarm_.worst_p99(), 50ms);
  EXPECT_EQ(see(with(Stage::sync, 50ms), 20), Change::none) << "once";
}

TEST_F(LatencyAlarmTest, OneSlowSecondIsNone) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(see(with(Stage::ring, 900ms), 4), Change::none);
    EXPECT_EQ(see(with(Stage::ring, 40ms), 1), Change::none) << "the threshold itself is allowed";
  }
}

TEST_F(LatencyAlarmTest, IsOverAfterFiveGoodSeconds) {
  see(with(Stage::mux, 50ms), 10);
  ASSERT_TRUE(alarm_.raised());
  EXPECT_EQ(see(with(Stage::mux, 1ms), 4), Change::none);
  EXPECT_EQ(see(with(Stage::mux, 50ms), 1), Change::none);
  EXPECT_EQ(see(with(Stage::mux, 1ms), 4), Change::none) << "it was slow once more in between";
  EXPECT_EQ(see(with(Stage::mux, 1ms), 1), Change::over);
  EXPECT_FALSE(alarm_.raised());
}

TEST_F(LatencyAlarmTest, NamesTheSlowestOfSeveral) {
  const auto both = with(Stage::capture, 45ms, with(Stage::sync, 200ms));
  EXPECT_EQ(see(both, 10), Change::raised);
  EXPECT_EQ(alarm_.worst(), Stage::sync);
  see(with(Stage::capture, 500ms, with(Stage::sync, 200ms)), 1);
  EXPECT_EQ(alarm_.worst(), Stage::capture);
  see(with(Stage::mux, 900ms, with(Stage::capture, 1ms, with(Stage::sync, 200ms))), 1);
  EXPECT_EQ(alarm_.worst(), Stage::sync) << "one slow second of another stage is not what is wrong";
}

TEST_F(LatencyAlarmTest, AStageThatIsHeardOfSeldomCounts) {
  Change change = Change::none;
  for (int i = 0; i < 4 && change == Change::none; ++i) {
    change = see(with(Stage::sync, 50ms), 1);
    if (change == Change::none) change = see({}, 1);
  }
  EXPECT_EQ(change, Change::raised);
}

TEST_F(LatencyAlarmTest, AStageThatNothingGoesThroughAnyMoreIsNotSlow) {
  see(with(Stage::sync, 50ms), 10);
  ASSERT_TRUE(alarm_.raised());
  EXPECT_EQ(see({}, 10), Change::over);
}

}  // namespace
}  // namespace vedette
