#include "agent/recent_pictures.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

struct RecentPicturesTest : testing::Test {
  Result<Jpeg> get(const std::string& camera_id, UtcTime shown_at, JpegOptions options = {}) {
    return pictures.get({camera_id, shown_at, options}, [&]() -> Result<Jpeg> {
      ++made;
      if (failing) return fail(Code::internal, "no picture");
      return Jpeg{{static_cast<uint8_t>(made)}, 64, 36};
    });
  }
  RecentPictures pictures;
  int made = 0;
  bool failing = false;
  const UtcTime noon{20'000 * 24h + 12h};
};

TEST_F(RecentPicturesTest, FiftyEqualRequestsCostOne) {
  for (int i = 0; i < 50; ++i) EXPECT_EQ(get("front", noon)->bytes, std::vector<uint8_t>{1});
  EXPECT_EQ(made, 1);
}

TEST_F(RecentPicturesTest, AnotherCameraInstantOrSizeIsAnotherPicture) {
  (void)get("front", noon);
  EXPECT_EQ(get("yard", noon)->bytes, std::vector<uint8_t>{2});
  EXPECT_EQ(get("front", noon + 1us)->bytes, std::vector<uint8_t>{3});
  EXPECT_EQ(get("front", noon, {.width_px = 320})->bytes, std::vector<uint8_t>{4});
  EXPECT_EQ(get("front", noon)->bytes, std::vector<uint8_t>{1});
}

TEST_F(RecentPicturesTest, TheOldestGoes) {
  for (size_t i = 0; i <= RecentPictures::kMost; ++i) (void)get("front", noon + seconds(i));
  made = 40;
  EXPECT_EQ(get("front", noon)->bytes, std::vector<uint8_t>{41});
}

TEST_F(RecentPicturesTest, AFailureIsTriedAgain) {
  failing = true;
  EXPECT_FALSE(get("front", noon));
  failing = false;
  EXPECT_TRUE(get("front", noon));
  EXPECT_EQ(made, 2);
}

}  // namespace
}  // namespace vedette
