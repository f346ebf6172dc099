#include "agent/rate_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace vedette {
namespace {

constexpr MonoTime kStart{1000s};

TEST(RateLimitTest, LetsThroughExactlyTheBurstAndThenOnePerInterval) {
  RateLimit limit(50ms, 50);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(limit.take(kStart)) << i;
  EXPECT_FALSE(limit.take(kStart));
  for (int i = 1; i <= 100; ++i) {
    EXPECT_FALSE(limit.take(kStart + 50ms * i - 1us)) << i;
    EXPECT_TRUE(limit.take(kStart + 50ms * i)) << i;
    EXPECT_FALSE(limit.take(kStart + 50ms * i)) << i;
  }
}

TEST(RateLimitTest, AfterAPauseThereIsOneBurstAndNoMore) {
  RateLimit limit(50ms, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(kStart));
  const MonoTime later = kStart + 1000s;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(later));
  EXPECT_FALSE(limit.take(later));
}

TEST(RateLimitTest, AskingCountsNothing) {
  RateLimit limit(50ms, 1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limit.has(kStart));
  EXPECT_TRUE(limit.take(kStart));
  EXPECT_FALSE(limit.has(kStart + 50ms - 1us));
  EXPECT_TRUE(limit.has(kStart + 50ms));
}

// For any arrivals: no stretch of time has more than burst + length / interval, and one is refused only when taking it
// would have made such a stretch, that ends with it.
TEST(RateLimitTest, AdmitsNeitherMoreNorLessThanItsRuleWhateverArrives) {
  constexpr unsigned kSeed = 20261128;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 200; ++round) {
    const microseconds interval(std::uniform_int_distribution<int>(1, 100'000)(random));
    const int burst = std::uniform_int_distribution<int>(1, 60)(random);
    // Pauses around what the limit lets through, often none at all, and often a whole interval to the microsecond.
    const auto pause = [&]() -> microseconds {
      switch (std::uniform_int_distribution<int>(0, 4)(random)) {
        case 0:
          return 0us;
        case 1:
          return interval;
        case 2:
          return std::max(interval - 1us, 0us);
        case 3:
          return interval * std::uniform_int_distribution<int>(0, 2 * burst)(random);
        default:
          return microseconds(std::uniform_int_distribution<int64_t>(0, 2 * interval.count())(random));
      }
    };
    RateLimit limit(interval, burst);
    std::vector<MonoTime> admitted;
    MonoTime now = kStart;
    for (int i = 0; i < 500; ++i, now += pause()) {
      // Would this one make any stretch, from an admitted one up to now, too full?
      bool fits = true;
      for (size_t first = 0; first < admitted.size() && fits; ++first) {
        const auto with_it = static_cast<int64_t>(admitted.size() - first) + 1;
        fits = with_it <= burst + (now - admitted[first]) / interval;
      }
      ASSERT_EQ(limit.take(now), fits) << "round " << round << ", arrival " << i << ", interval " << interval.count()
                                       << " us, burst " << burst;
      if (fits) admitted.push_back(now);
    }
  }
}

}  // namespace
}  // namespace vedette
