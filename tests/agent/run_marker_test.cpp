#include "agent/run_marker.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

TEST(RunMarkerTest, FirstRunDidNotFollowACrash) {
  const test::TempDir dir;
  const auto marker = RunMarker::set(dir.path());
  ASSERT_TRUE(marker);
  EXPECT_FALSE(marker->last_run_crashed());
}

TEST(RunMarkerTest, RunThatEndedInOrderLeavesNothing) {
  const test::TempDir dir;
  auto first = RunMarker::set(dir.path());
  ASSERT_TRUE(first);
  first->clear();
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  EXPECT_FALSE(RunMarker::set(dir.path())->last_run_crashed());
}

TEST(RunMarkerTest, RunThatDidNotIsToldOfOnce) {
  const test::TempDir dir;
  ASSERT_TRUE(RunMarker::set(dir.path()));  // and gone without clear()
  auto second = RunMarker::set(dir.path());
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->last_run_crashed());
  second->clear();
  EXPECT_FALSE(RunMarker::set(dir.path())->last_run_crashed());
}

TEST(RunMarkerTest, FolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(RunMarker::set("/no/such/folder"));
}

}  // namespace
}  // namespace vedette
