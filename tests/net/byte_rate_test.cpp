#include "net/byte_rate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace vedette {
namespace {

constexpr MonoTime kBegin{1000s};

TEST(ByteRateTest, GivesAllWithoutALimit) {
  ByteRate rate;
  EXPECT_EQ(rate.take(1'000'000'000, kBegin), 1'000'000'000u);
  EXPECT_EQ(rate.until_some(kBegin), 0us);
}

// What greedy takers get in a time, who ask when they are told to.
size_t taken(ByteRate& rate, MonoTime& now, microseconds span) {
  size_t sum = 0;
  const MonoTime end = now + span;
  while (now < end) {
    sum += rate.take(512 * 1024, now);
    now += std::max<microseconds>(rate.until_some(now), 1us);
  }
  return sum;
}

TEST(ByteRateTest, GivesTheRateOverTime) {
  for (const int64_t bits_per_s : {64'000LL, 1'000'000LL, 8'000'000LL, 1'000'000'000LL}) {
    ByteRate rate;
    rate.set(bits_per_s);
    MonoTime now = kBegin;
    const auto bytes = static_cast<double>(taken(rate, now, 5s));
    EXPECT_NEAR(bytes, static_cast<double>(bits_per_s) / 8 * 5, static_cast<double>(bits_per_s) / 8 * 5 * 0.05)
        << bits_per_s;
  }
}

// Whatever is asked for and when: between any two instants no more is given than the rate and a burst allow.
TEST(ByteRateTest, HoldsBetweenAnyTwoInstants) {
  std::mt19937 random(7);
  const auto any = [&](int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  };
  for (int run = 0; run < 50; ++run) {
    ByteRate rate;
    const int64_t bits_per_s = any(64'000, 200'000'000);
    rate.set(bits_per_s);
    const double per_us = static_cast<double>(bits_per_s) / 8e6;
    const double burst = std::max(4096.0, static_cast<double>(bits_per_s) / 80);
    MonoTime now = kBegin;
    std::vector<std::pair<MonoTime, double>> given = {{now, 0}};  // in all, up to then
    static_cast<void>(rate.take(1, now));                         // it begins empty
    for (int i = 0; i < 300; ++i) {
      now += std::max<microseconds>(rate.until_some(now), microseconds(any(1, 2000)));
      const auto took = static_cast<double>(rate.take(static_cast<size_t>(any(1, 1'000'000)), now));
      given.emplace_back(now, given.back().second + took);
    }
    for (size_t a = 0; a < given.size(); a += 7)
      for (size_t b = a + 1; b < given.size(); b += 5) {
        const auto passed = static_cast<double>((given[b].first - given[a].first).count());
        const double bytes = given[b].second - given[a].second;
        ASSERT_LE(bytes, passed * per_us + burst + 1) << bits_per_s << " bps over " << passed << " us";
      }
  }
}

TEST(ByteRateTest, GivesLittleAtOnceToASenderThatKeepsUp) {
  ByteRate rate;
  rate.set(100'000'000);
  MonoTime now = kBegin;
  size_t most = 0;
  for (static_cast<void>(rate.take(1, now)); now < kBegin + 1s; now += rate.until_some(now))
    most = std::max(most, rate.take(1'000'000, now));
  EXPECT_NEAR(static_cast<double>(most), 125'000, 1000);
}

TEST(ByteRateTest, SavesNothingUpWhileNobodySends) {
  ByteRate rate;
  rate.set(8'000'000);
  static_cast<void>(rate.take(1, kBegin));
  EXPECT_LE(rate.take(10'000'000, kBegin + 1h), 100'000u);  // a tenth of a second
}

TEST(ByteRateTest, DoesNotWakeAnybodyForSingleBytes) {
  ByteRate rate;
  rate.set(8'000'000);
  MonoTime now = kBegin;
  while (rate.take(1'000'000, now) > 0) {
  }
  EXPECT_EQ(rate.take(1'000'000, now + 1ms), 0u);
  EXPECT_EQ(rate.take(100, now + 1ms), 100u) << "the end of a file";
}

TEST(ByteRateTest, TakesANewLimitAtOnce) {
  ByteRate rate;
  rate.set(8'000);
  static_cast<void>(rate.take(10'000, kBegin));
  EXPECT_GT(rate.until_some(kBegin), 1s);
  rate.set(0);
  EXPECT_EQ(rate.take(10'000, kBegin), 10'000u);
}

}  // namespace
}  // namespace vedette
