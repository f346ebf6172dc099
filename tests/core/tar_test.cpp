#include "core/tar.h"

#include <gtest/gtest.h>

#include "core/gzip.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

TEST(TarTest, IsReadByTarItself) {
  const test::TempDir dir;
  const std::string large(1'000'001, 'x');
  Tar tar(UtcTime(seconds(1'800'000'000)));
  tar.add("empty", "");
  tar.add("folder/block", std::string(512, 'b'));
  tar.add("large", large);
  const auto packed = gzip(tar.finish());
  ASSERT_TRUE(packed);
  EXPECT_LT(packed->size(), large.size() / 10);
  const std::string file = (dir.path() / "a.tar.gz").string();
  test::write_text(file, *packed);
  const std::string listed =
      test::run_or_throw({"env", "TZ=UTC", "tar", "--list", "--verbose", "--gzip", "--file", file});
  EXPECT_NE(listed.find("-rw------- 0/0"), std::string::npos) << listed;
  EXPECT_NE(listed.find("2027-01-15 08:00 folder/block"), std::string::npos) << listed;
  test::run_or_throw({"tar", "--extract", "--gzip", "--file", file, "--directory", dir.path().string()});
  EXPECT_EQ(test::read_text(dir.path() / "empty"), "");
  EXPECT_EQ(test::read_text(dir.path() / "folder/block"), std::string(512, 'b'));
  EXPECT_EQ(test::read_text(dir.path() / "large"), large);
}

}  // namespace
}  // namespace vedette
