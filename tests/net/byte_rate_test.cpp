#include "net/byte_rate.h"

#include <gtest/gtest.h>

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
