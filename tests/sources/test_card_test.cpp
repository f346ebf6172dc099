#include "sources/test_card.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vedette {
namespace {

const UtcTime kTime{1'800'000'000'123ms};

std::optional<UtcTime> read(const Picture& picture) {
  return TestCard::read_time(picture.y, picture.width_px, picture.height_px, picture.width_px);
}

struct Size {
  int width_px, height_px;
};

class TestCardSizeTest : public testing::TestWithParam<Size> {};

TEST_P(TestCardSizeTest, TimeIsReadBack) {
  TestCard card(GetParam().width_px, GetParam().height_px);
  for (const UtcTime time : {kTime, kTime + 1ms, kTime + 40ms, UtcTime(0s), UtcTime(4'102'444'800s)})
    EXPECT_EQ(read(card.draw(time, 1)), time);
}

TEST_P(TestCardSizeTest, PlanesHaveTheirSizes) {
  const auto [width, height] = GetParam();
  TestCard card(width, height);
  const Picture& picture = card.draw(kTime, 123'456'789);
  EXPECT_EQ(picture.y.size(), static_cast<size_t>(width * height));
  EXPECT_EQ(picture.u.size(), static_cast<size_t>(width * height / 4));
  EXPECT_EQ(picture.v.size(), static_cast<size_t>(width * height / 4));
}

INSTANTIATE_TEST_SUITE_P(Sizes, TestCardSizeTest,
                         testing::Values(Size{64, 64}, Size{128, 96}, Size{640, 360}, Size{1280, 720}, Size{3840, 2160},
                                         Size{64, 2160}));

TEST(TestCardTest, MicrosecondsAreCutOff) {
  TestCard card(640, 360);
  EXPECT_EQ(read(card.draw(kTime + 999us, 1)), kTime);
}

TEST(TestCardTest, EveryFrameLooksDifferent) {
  TestCard card(640, 360);
  const auto first = card.draw(kTime, 1).y;
  EXPECT_NE(card.draw(kTime, 2).y, first);
  EXPECT_NE(card.draw(kTime + 1ms, 1).y, first);
  EXPECT_EQ(card.draw(kTime, 1).y, first);
}

TEST(TestCardTest, LinesMayBePadded) {
  TestCard card(640, 360);
  const Picture& picture = card.draw(kTime, 1);
  constexpr int kStride = 704;
  std::vector<uint8_t> padded(static_cast<size_t>(kStride) * 360, 0);
  for (int row = 0; row < 360; ++row) std::copy_n(picture.y.begin() + row * 640, 640, padded.begin() + row * kStride);
  EXPECT_EQ(TestCard::read_time(padded, 640, 360, kStride), kTime);
}

TEST(TestCardTest, ContrastThatEncodingTakesAwayDoesNotMatter) {
  TestCard card(640, 360);
  std::vector<uint8_t> luma = card.draw(kTime, 1).y;
  for (uint8_t& sample : luma) sample = static_cast<uint8_t>(40 + sample * 3 / 4);
  EXPECT_EQ(TestCard::read_time(luma, 640, 360, 640), kTime);
}

TEST(TestCardTest, OtherPicturesHaveNoTime) {
  EXPECT_FALSE(TestCard::read_time(std::vector<uint8_t>(4800), 4800, 1, 4800)) << "the squares do not fit";
  EXPECT_FALSE(TestCard::read_time(std::vector<uint8_t>(640 * 360, 128), 640, 360, 640));
}

}  // namespace
}  // namespace vedette
