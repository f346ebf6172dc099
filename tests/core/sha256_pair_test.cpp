#include "core/sha256_pair.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/sha256.h"

namespace vedette {
namespace {

std::string some_bytes(size_t size) {
  std::minstd_rand random(static_cast<unsigned>(size) + 1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() >> 8);
  return bytes;
}

void add(Sha256Pair& pair, std::string_view bytes) {
  pair.add({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

// In parts of `part_bytes`, added in slices of `slice_bytes`; compared with each hashed on its own.
void expect_same_as_one_by_one(const std::string& bytes, size_t part_bytes, size_t slice_bytes) {
  SCOPED_TRACE(::testing::Message() << bytes.size() << " bytes, parts of " << part_bytes << ", slices of "
                                    << slice_bytes);
  Sha256Pair pair;
  for (size_t at = 0; at < bytes.size(); at += part_bytes) {
    const std::string part = bytes.substr(at, part_bytes);
    for (size_t from = 0; from < part.size(); from += slice_bytes) add(pair, part.substr(from, slice_bytes));
    EXPECT_EQ(pair.end_part(), sha256_hex(part));
  }
  EXPECT_EQ(pair.end(), sha256_hex(bytes));
}

TEST(Sha256PairTest, IsWhatEachWouldBeOnItsOwn) {
  // About the 64 bytes of a block and the 56 behind which padding needs another one; parts that leave blocks whole, and
  // parts behind which those of the whole lie across.
  for (const size_t part : {1, 55, 56, 63, 64, 65, 128, 1000, 4096})
    for (const size_t slice : {1, 63, 64, 100, 4096})
      for (const size_t size : {1, 63, 64, 65, 127, 128, 129, 1000, 8192, 10'007})
        expect_same_as_one_by_one(some_bytes(size), part, slice);
}

TEST(Sha256PairTest, CountsPastFourGigabits) {
  const std::string slice = some_bytes(16 << 20);
  Sha256Pair pair;
  Sha256 part, whole;
  for (int i = 0; i < 40; ++i) {
    if (i == 1) pair.end_part();
    add(pair, slice);
    whole.add(slice);
    if (i > 0) part.add(slice);
  }
  EXPECT_EQ(pair.end_part(), part.hex());
  EXPECT_EQ(pair.end(), whole.hex());
}

TEST(Sha256PairTest, GoesOnAfterAMove) {
  Sha256Pair first;
  add(first, "a");
  Sha256Pair second = std::move(first);
  add(second, "b");
  EXPECT_EQ(second.end_part(), sha256_hex("ab"));
  first = std::move(second);
  add(first, "c");
  EXPECT_EQ(first.end_part(), sha256_hex("c"));
  EXPECT_EQ(first.end(), sha256_hex("abc"));
}

TEST(Sha256PairTest, PartsWithoutAByteAreThatToo) {
  Sha256Pair pair;
  EXPECT_EQ(pair.end_part(), sha256_hex(""));
  add(pair, "x");
  EXPECT_EQ(pair.end_part(), sha256_hex("x"));
  EXPECT_EQ(pair.end_part(), sha256_hex(""));
  EXPECT_EQ(pair.end(), sha256_hex("x"));
}

}  // namespace
}  // namespace vedette
