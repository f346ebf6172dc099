#include "core/crc32.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace vedette {
namespace {

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The check value that every description of this CRC gives.
TEST(Crc32Test, IsThatOfEthernetAndZip) {
  EXPECT_EQ(crc32(0, bytes_of("123456789")), 0xCBF43926u);
  EXPECT_EQ(crc32(0, {}), 0u);
}

TEST(Crc32Test, IsTheSameInPieces) {
  std::vector<uint8_t> bytes(4099);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 37 + i / 251);
  const std::span<const uint8_t> all(bytes);
  const uint32_t whole = crc32(0, all);
  for (const size_t cut : {size_t{1}, size_t{7}, size_t{64}, size_t{4098}})
    EXPECT_EQ(crc32(crc32(0, all.first(cut)), all.subspan(cut)), whole) << cut;
}

}  // namespace
}  // namespace vedette
