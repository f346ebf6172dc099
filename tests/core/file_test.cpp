#include "core/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <thread>

#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class FileTest : public testing::Test {
 protected:
  std::filesystem::path path(const char* name) const { return dir_.path() / name; }
  size_t files_here() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(dir_.path()), {}));
  }

  test::TempDir dir_;
};

TEST_F(FileTest, IsCreatedOnlyWhenItDoesNotExist) {
  ASSERT_TRUE(file::create(path("a")));
  const auto again = file::create(path("a"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::already_exists);
  EXPECT_EQ(file::create(path("no/such/folder")).error().code, Code::not_found);
}

TEST_F(FileTest, IsNotReadableByEverybody) {
  ASSERT_TRUE(file::create(path("a")));
  struct stat info {};
  ASSERT_EQ(stat(path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0007, 0u);
}

TEST_F(FileTest, ReadsBackWhatWasWrittenAtItsPlace) {
  const auto fd = file::create(path("a"));
  ASSERT_TRUE(fd);
  ASSERT_TRUE(file::write_at(fd->get(), bytes_of("world"), 6));
  ASSERT_TRUE(file::write_at(fd->get(), bytes_of("hello "), 0));
  ASSERT_TRUE(file::sync_data(fd->get()));
  ASSERT_TRUE(file::sync(fd->get()));
  EXPECT_EQ(file::size(fd->get()).value(), 11);
  std::array<uint8_t, 32> buffer{};
  EXPECT_EQ(file::read_at(fd->get(), buffer, 6).value(), 5u);
  EXPECT_EQ(file::read_at(fd->get(), buffer, 100).value(), 0u);
  ASSERT_TRUE(file::truncate(fd->get(), 5));
  EXPECT_EQ(file::read(path("a"), 100).value(), "hello");
}

TEST_F(FileTest, RefusesToReadMoreThanAllowed) {
  ASSERT_TRUE(file::write_atomically(path("a"), "12345"));
  EXPECT_EQ(file::read(path("a"), 5).value(), "12345");
  EXPECT_EQ(file::read(path("a"), 4).error().code, Code::payload_too_large);
  EXPECT_EQ(file::read(path("b"), 4).error().code, Code::not_found);
}

TEST_F(FileTest, IsReplacedAsAWhole) {
  ASSERT_TRUE(file::write_atomically(path("a"), std::string(100'000, 'o')));
  bool torn = false;
  std::jthread reader([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto content = file::read(path("a"), 1'000'000);
      torn = torn || !content || content->size() != 100'000 || content->front() != content->back();
    }
  });
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(file::write_atomically(path("a"), std::string(100'000, i % 2 ? 'o' : 'n')));
  reader.request_stop();
  reader.join();
  EXPECT_FALSE(torn);
  EXPECT_EQ(files_here(), 1u);
}

TEST_F(FileTest, LeavesNothingBehindWhenItCannotBeReplaced) {
  ASSERT_TRUE(file::make_directories(path("a/b")));
  EXPECT_FALSE(file::write_atomically(path("a"), "x"));
  EXPECT_EQ(files_here(), 1u);
}

TEST_F(FileTest, SaysThatTheDeviceIsFull) {
  const auto fd = file::open_read_write("/dev/full");
  ASSERT_TRUE(fd);
  EXPECT_EQ(file::write_at(fd->get(), bytes_of("x"), 0).error().code, Code::no_space);
}

TEST_F(FileTest, MakesFoldersWithTheirParents) {
  ASSERT_TRUE(file::make_directories(path("a/b/c")));
  EXPECT_TRUE(std::filesystem::is_directory(path("a/b/c")));
  EXPECT_TRUE(file::make_directories(path("a/b/c")));
  ASSERT_TRUE(file::create(path("a/file")));
  EXPECT_EQ(file::make_directories(path("a/file")).error().code, Code::conflict);
  EXPECT_FALSE(file::make_directories(path("a/file/x")));
  EXPECT_EQ(file::make_directories("/proc/vedette/x").error().code, Code::not_found);
}

TEST_F(FileTest, IsRenamedAndRemoved) {
  ASSERT_TRUE(file::create(path("a")));
  ASSERT_TRUE(file::rename(path("a"), path("b")));
  ASSERT_TRUE(file::sync_directory(dir_.path()));
  EXPECT_EQ(file::open_read(path("a")).error().code, Code::not_found);
  ASSERT_TRUE(file::remove(path("b")));
  EXPECT_EQ(file::remove(path("b")).error().code, Code::not_found);
}

TEST_F(FileTest, KnowsTheSpaceOfItsDisk) {
  const auto space = file::space(dir_.path());
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
}

TEST(FdTest, IsClosedByItsLastOwnerOnly) {
  int number = -1;
  {
    Fd first(open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = first.get();
    Fd second(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(second.get(), number);
    EXPECT_NE(fcntl(number, F_GETFD), -1);
  }
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

}  // namespace
}  // namespace vedette
