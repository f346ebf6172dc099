#include "core/ids.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace vedette {
namespace {

TEST(NewIdTest, IsAVersion7UuidOfTheGivenInstant) {
  const UtcTime far_ahead(4'000'000'000'123ms);  // later than any other in this process
  const std::string id = new_id(far_ahead);
  ASSERT_TRUE(is_uuid(id)) << id;
  EXPECT_EQ(std::stoull(id.substr(0, 8) + id.substr(9, 4), nullptr, 16), 4'000'000'000'123u);
  EXPECT_EQ(id[14], '7');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
}

TEST(NewIdTest, OrdersByCreationEvenWhenTheClockStepsBack) {
  std::string last;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = new_id(UtcTime(seconds(2'000'000'000 - i)));
    ASSERT_LT(last, id);
    last = id;
  }
}

TEST(NewIdTest, IsUniqueAcrossThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5'000;
  std::vector<std::vector<std::string>> made(kThreads);
  {
    std::vector<std::jthread> threads;
    for (auto& ids : made)
      threads.emplace_back([&ids] {
        for (int i = 0; i < kEach; ++i) ids.push_back(new_id());
      });
  }
  std::set<std::string> all;
  for (const auto& ids : made) all.insert(ids.begin(), ids.end());
  EXPECT_EQ(all.size(), static_cast<size_t>(kThreads * kEach));
}

TEST(IsUuidTest, TakesLowerCaseOnly) {
  EXPECT_TRUE(is_uuid("0199aabb-ccdd-4eef-8011-223344556677"));
  EXPECT_FALSE(is_uuid("0199AABB-ccdd-4eef-8011-223344556677"));
  EXPECT_FALSE(is_uuid("0199aabb-ccdd-4eef-8011-22334455667"));
  EXPECT_FALSE(is_uuid("0199aabbcccdd-4eef-8011-223344556677"));
  EXPECT_FALSE(is_uuid("0199aabb-ccdd-4eef-8011-2233445566g7"));
  EXPECT_FALSE(is_uuid(""));
}

TEST(IsNameTest, TakesWhatIsSafeInAPathATopicAndAKey) {
  for (const char* good : {"a", "0", "front", "front-door_2"}) EXPECT_TRUE(is_name(good)) << good;
  EXPECT_TRUE(is_name(std::string(63, 'a')));
  for (const char* bad : {"", "-a", "_a", "A", "a/b", "a b", "..", "a.b", "a+", "a#", "a\n", "\xc3\xa4"})
    EXPECT_FALSE(is_name(bad)) << bad;
  EXPECT_FALSE(is_name(std::string(64, 'a')));
  EXPECT_FALSE(is_name(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace vedette
