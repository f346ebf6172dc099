#include "core/return_wait.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vedette {
namespace {

TEST(ReturnWaitTest, IsDrawnAndDoublesUpTo16TimesWithReturnsInVain) {
  ReturnWait wait(100s);
  for (const auto& [in_vain, factor] : {std::pair(0, 1), std::pair(1, 2), std::pair(4, 16), std::pair(100, 16)}) {
    microseconds least = 1h, most = 0s;
    for (int i = 0; i < 1000; ++i) {
      const microseconds drawn = wait.draw(in_vain);
      least = std::min(least, drawn);
      most = std::max(most, drawn);
    }
    EXPECT_GE(least, 100s * factor);
    EXPECT_LE(most, 150s * factor);
    EXPECT_GT(most - least, 40s * factor) << "all devices would go back at once";
  }
}

TEST(ReturnWaitTest, LooksATenthOfTheWaitApartWithinBounds) {
  EXPECT_EQ(ReturnWait(100s).look_interval(), 10s);
  EXPECT_EQ(ReturnWait(100ms).look_interval(), 200ms);
  EXPECT_EQ(ReturnWait(1h).look_interval(), 30s);
}

}  // namespace
}  // namespace vedette
