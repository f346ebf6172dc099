#include "core/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace vedette {
namespace {

TEST(BackoffTest, DoublesUpToItsMostAndStaysInTheUpperHalf) {
  Backoff backoff(100ms, 1000ms);
  for (const auto ceiling : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    const auto pause = backoff.next();
    EXPECT_GE(pause, ceiling / 2);
    EXPECT_LE(pause, ceiling);
  }
  EXPECT_EQ(backoff.failures(), 6);
}

TEST(BackoffTest, NeverGivesUpAndNeverOverflows) {
  Backoff backoff(1000ms, 60'000ms);
  for (int i = 0; i < 100'000; ++i) {
    const auto pause = backoff.next();
    ASSERT_GE(pause, 500ms);
    ASSERT_LE(pause, 60'000ms);
  }
}

TEST(BackoffTest, BeginsAnewAfterSuccess) {
  Backoff backoff(100ms, 10'000ms);
  for (int i = 0; i < 5; ++i) backoff.next();
  backoff.reset();
  EXPECT_EQ(backoff.failures(), 0);
  EXPECT_LE(backoff.next(), 100ms);
}

TEST(BackoffTest, SpreadsManyDevices) {
  std::set<milliseconds> pauses;
  for (int i = 0; i < 100; ++i) pauses.insert(Backoff(60'000ms, 60'000ms).next());
  EXPECT_GT(pauses.size(), 90u);
}

}  // namespace
}  // namespace vedette
