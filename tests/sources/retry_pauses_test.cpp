#include "sources/retry_pauses.h"

#include <gtest/gtest.h>

#include <set>

namespace vedette {
namespace {

using After = RetryPauses::After;

TEST(RetryPausesTest, DoubleFromOneSecondToHalfAMinute) {
  RetryPauses pauses;
  for (const milliseconds ceiling : {1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s}) {
    const milliseconds pause = pauses.next(After::failure);
    EXPECT_LE(pause, ceiling);
    EXPECT_GE(pause, ceiling / 2);
  }
}

TEST(RetryPausesTest, AreDrawnSoThatCamerasSpreadOut) {
  std::set<milliseconds> drawn;
  for (int i = 0; i < 50; ++i) drawn.insert(RetryPauses().next(After::failure));
  EXPECT_GT(drawn.size(), 20u);
}

TEST(RetryPausesTest, RefusedCameraIsLeftAloneForAMinuteAtLeast) {
  for (int camera = 0; camera < 100; ++camera) {
    RetryPauses pauses;
    for (int i = 0; i < 10; ++i) {
      const milliseconds pause = pauses.next(After::refused);
      EXPECT_GE(pause, 60s);
      EXPECT_LE(pause, 300s);
    }
  }
}

TEST(RetryPausesTest, BusyCameraIsTriedAFewTimesBeforeItIsLeftAlone) {
  RetryPauses pauses;
  for (int i = 0; i < 3; ++i) EXPECT_LE(pauses.next(After::busy), 4s);
  for (int i = 0; i < 5; ++i) EXPECT_GE(pauses.next(After::busy), 60s);
  pauses.reset();
  EXPECT_LE(pauses.next(After::busy), 1s);
}

TEST(RetryPausesTest, BeginAnewAfterSuccess) {
  RetryPauses pauses;
  for (int i = 0; i < 10; ++i) pauses.next(After::failure);
  for (int i = 0; i < 10; ++i) pauses.next(After::refused);
  pauses.reset();
  EXPECT_LE(pauses.next(After::failure), 1s);
  EXPECT_LE(pauses.next(After::refused), 120s);
}

}  // namespace
}  // namespace vedette
