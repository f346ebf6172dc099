#include "core/histogram.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace vedette {
namespace {

TEST(HistogramTest, GivesZeroesWhenNothingWasAdded) {
  const Histogram histogram;
  const auto figures = HistogramWindow(histogram).next();
  EXPECT_EQ(figures.count, 0u);
  EXPECT_EQ(figures.mean, 0us);
  EXPECT_EQ(figures.p50, 0us);
  EXPECT_EQ(figures.max, 0us);
}

TEST(HistogramTest, CountsWhatTookLessThanEachEdge) {
  Histogram histogram;
  for (const int64_t us : {0LL, 127LL, 128LL, 255LL, 256LL, 16'777'215LL, 16'777'216LL, 60'000'000LL})
    histogram.add(microseconds(us));
  const auto totals = histogram.totals();
  EXPECT_EQ(totals.count, 8u);
  EXPECT_EQ(totals.sum, microseconds(127 + 128 + 255 + 256 + 16'777'215 + 16'777'216 + 60'000'000));
  EXPECT_EQ(totals.below[0], 2u) << "128 us";
  EXPECT_EQ(totals.below[1], 4u) << "256 us";
  EXPECT_EQ(totals.below[2], 5u);
  EXPECT_EQ(totals.below[Histogram::kEdges - 2], 5u);
  EXPECT_EQ(totals.below[Histogram::kEdges - 1], 6u) << "16.8 s";
}

TEST(HistogramTest, IsExactToAnEighth) {
  for (const int64_t value : {1LL, 7LL, 8LL, 15LL, 16LL, 17LL, 100LL, 999LL, 4096LL, 123'456LL, 60'000'000LL}) {
    Histogram histogram;
    histogram.add(microseconds(value));
    histogram.add(microseconds(value));
    histogram.add(microseconds(value * 4));
    const auto figures = HistogramWindow(histogram).next();
    EXPECT_GE(figures.p50.count(), value);
    EXPECT_LE(figures.p50.count(), value + value / 8 + 1);
    EXPECT_GE(figures.max.count(), value * 4);
    EXPECT_LE(figures.max.count(), value * 4 + value / 2 + 1);
    EXPECT_EQ(figures.mean.count(), value * 2);
  }
}

TEST(HistogramTest, TellsTheTailFromTheMiddle) {
  Histogram histogram;
  for (int i = 0; i < 980; ++i) histogram.add(1ms);
  for (int i = 0; i < 20; ++i) histogram.add(1s);
  const auto figures = HistogramWindow(histogram).next();
  EXPECT_EQ(figures.count, 1000u);
  EXPECT_LT(figures.p50, 1200us);
  EXPECT_GE(figures.p99, 1s);
  EXPECT_LT(figures.p99, 1130ms);
}

TEST(HistogramTest, WindowsSeeWhatCameSinceTheyLookedAndDoNotDisturbEachOther) {
  Histogram histogram;
  HistogramWindow often(histogram);
  HistogramWindow seldom(histogram);
  histogram.add(1s);
  EXPECT_EQ(often.next().count, 1u);
  histogram.add(1ms);
  const auto figures = often.next();
  EXPECT_EQ(figures.count, 1u);
  EXPECT_LT(figures.max, 2ms);
  EXPECT_EQ(seldom.next().count, 2u);
  EXPECT_EQ(often.next().count, 0u);
}

TEST(HistogramTest, TakesWhatIsOutsideOfItsRange) {
  Histogram histogram;
  histogram.add(-5us);
  histogram.add(0us);
  histogram.add(std::chrono::hours(1000));
  const auto figures = HistogramWindow(histogram).next();
  EXPECT_EQ(figures.count, 3u);
  EXPECT_GT(figures.max, std::chrono::hours(1));
}

TEST(HistogramTest, LosesNothingWhenManyThreadsAdd) {
  constexpr int kThreads = 4;
  constexpr int kEach = 50'000;
  Histogram histogram;
  HistogramWindow window(histogram);
  uint64_t counted = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        for (int k = 0; k < kEach; ++k) histogram.add(microseconds(k));
      });
    for (int i = 0; i < 10; ++i) counted += window.next().count;
  }
  counted += window.next().count;
  EXPECT_EQ(counted, static_cast<uint64_t>(kThreads * kEach));
}

}  // namespace
}  // namespace vedette
