#include "http/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vedette {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(QueryTest, NamesAndValuesComeInTheirOrder) {
  EXPECT_THAT(parse_query("start=2026-11-20T08:30:00+01:00&labels=a&labels=b%20%26c&empty=").value(),
              ElementsAre(Pair("start", "2026-11-20T08:30:00+01:00"), Pair("labels", "a"), Pair("labels", "b &c"),
                          Pair("empty", "")));
  EXPECT_THAT(parse_query("a=b=c%3d").value(), ElementsAre(Pair("a", "b=c=")));
  EXPECT_THAT(parse_query("").value(), IsEmpty());
}

TEST(QueryTest, WhatIsNoQueryIsRefused) {
  for (const char* bad : {"a", "=b", "a=b&&c=d", "a=b&c", "a=%", "a=%4", "a=%4g", "a=%+4", "a=%-1", "a=%0a", "a=%00",
                          "a=\n", "%0=b", "a=%7f", "&", "a=b&", "?"}) {
    const auto parsed = parse_query(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Code::invalid_argument);
  }
}

}  // namespace
}  // namespace vedette
