#include "storage/reserve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/storage/killed.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {
namespace {

struct ReserveTest : testing::Test {
  static constexpr int64_t kBytes = 256 * 1024;
  const TempDir dir;
  const std::filesystem::path path = dir.path() / "reserve";
  Reserve reserve{path, kBytes};

  int64_t taken() const {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_blocks * 512 : -1;
  }
};

TEST_F(ReserveTest, TakesItsRoomUntilItIsGivenUp) {
  ASSERT_TRUE(reserve.keep());
  EXPECT_GE(taken(), kBytes);
  ASSERT_TRUE(reserve.keep());
  ASSERT_TRUE(reserve.give_up());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(reserve.give_up());
}

// As a kill leaves it that comes between its name and its room.
TEST_F(ReserveTest, AFileThatTakesNothingIsGivenItsRoom) {
  write_text(path, "");
  ASSERT_TRUE(reserve.keep());
  EXPECT_GE(taken(), kBytes);
}

TEST_F(ReserveTest, SoIsOneWithHoles) {
  write_text(path, "");
  std::filesystem::resize_file(path, kBytes);
  ASSERT_LT(taken(), kBytes);
  ASSERT_TRUE(reserve.keep());
  EXPECT_GE(taken(), kBytes);
}

}  // namespace
}  // namespace vedette::test
