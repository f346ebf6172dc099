#include "core/file_hash.h"

#include <gtest/gtest.h>

#include "core/file.h"
#include "core/sha256.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

constexpr size_t kPart = kHashedPartBytes;

std::string counting(size_t size) {
  std::string out(size, '\0');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + (i >> 13));
  return out;
}

struct FileHashTest : testing::Test {
  Result<FileHash> hash(const std::string& content, int64_t size) {
    test::write_text(dir.path() / "file", content);
    return hash_of(file::open_read(dir.path() / "file")->get(), size);
  }
  const test::TempDir dir;
};

TEST_F(FileHashTest, IsThatOfTheWholeAndOfEachPart) {
  for (const size_t size : {size_t{0}, size_t{1}, kPart - 1, kPart, kPart + 1, 2 * kPart, 2 * kPart + 300'000}) {
    const std::string content = counting(size);
    std::string parts;
    for (size_t at = 0; size > kPart && at < size; at += kPart) parts += sha256_hex(content.substr(at, kPart));
    const auto made = hash(content, static_cast<int64_t>(size));
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->whole, sha256_hex(content)) << size;
    EXPECT_EQ(made->parts, parts) << size;
  }
}

TEST_F(FileHashTest, AFileThatBecameShorterHasNone) {
  const auto made = hash("short", 6);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::internal);
}

}  // namespace
}  // namespace vedette
