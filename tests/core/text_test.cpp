#include "core/text.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

TEST(PercentTest, EncodesAllButTheUnreserved) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a b/c+d=%"), "a%20b%2Fc%2Bd%3D%25");
  EXPECT_EQ(percent_encode("a/b c", "/"), "a/b%20c");
  EXPECT_EQ(percent_encode("\u00e4"), "%C3%A4");
}

TEST(PercentTest, DecodesWhatItEncodes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(PercentTest, LeavesAStrayPercentAlone) {
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%41%4a"), "%zzAJ");
}

// Test vectors of RFC 4648.
TEST(Base64Test, MatchesTheStandard) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("\xfb\xff\xfe"), "+//+");
}

TEST(HexTest, WritesTwoDigitsAByte) {
  EXPECT_EQ(to_hex(std::string_view("\x00\x0f\xff", 3)), "000fff");
}

TEST(SplitTest, KeepsEmptyParts) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split("a,,b", ','), (Parts{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (Parts{""}));
  EXPECT_EQ(split(",", ','), (Parts{"", ""}));
}

TEST(Utf8Test, TakesEveryLengthUpToTheLastCodePoint) {
  for (const char* good : {"", "a", "\u00e4", "\u20ac", "\U0001f600", "\U0010ffff", "\ud7ff", "\ue000"})
    EXPECT_TRUE(is_utf8(good)) << good;
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
}

TEST(Utf8Test, RefusesOverlongFormsSurrogatesAndBrokenOnes) {
  for (const char* bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80",
                          "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xc3",
                          "\xe2\x82", "\xf0\x9f\x98", "\xc3(", "\xe2(\xa1",
                          "a\xff"
                          "b"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(Utf8Test, APrefixCutsNoCharacter) {
  const std::string text = "a\xc3\xa9\xf0\x9f\x98\x80";  // a, e acute, a face
  const size_t kept[] = {0, 1, 1, 3, 3, 3, 3, 7, 7};
  for (size_t most = 0; most < std::size(kept); ++most) EXPECT_EQ(utf8_prefix(text, most), kept[most]) << most;
}

}  // namespace
}  // namespace vedette
