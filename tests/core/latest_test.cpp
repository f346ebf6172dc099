#include "core/latest.h"

#include <gtest/gtest.h>

#include <string>

namespace vedette {

TEST(LatestTest, TheNewestTakesThePlaceOfWhatWasNotTaken) {
  Latest<std::string> latest;
  EXPECT_FALSE(latest.take());
  EXPECT_TRUE(latest.put("a"));
  EXPECT_FALSE(latest.put("b")) << "somebody was told already";
  EXPECT_EQ(latest.take(), "b");
  EXPECT_FALSE(latest.take());
  EXPECT_TRUE(latest.put("c"));
}

}  // namespace vedette
