#include "core/sha256.h"

#include <gtest/gtest.h>

#include "core/text.h"

namespace vedette {
namespace {

// Test vectors of FIPS 180-2.
constexpr char kOfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kOfNothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kOfAMillionAs[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256Test, MatchesTheStandard) {
  EXPECT_EQ(sha256_hex("abc"), kOfAbc);
  EXPECT_EQ(sha256_hex(""), kOfNothing);
}

TEST(Sha256Test, DoesNotCareHowTheBytesAreCut) {
  Sha256 hash;
  for (size_t left = 1'000'000, size = 1; left > 0; left -= size, size = std::min(left, size * 3 + 1))
    hash.add(std::string(size, 'a'));
  EXPECT_EQ(hash.hex(), kOfAMillionAs);
}

TEST(Sha256Test, GoesOnAfterAMove) {
  Sha256 first;
  first.add("a");
  Sha256 second = std::move(first);
  const std::string rest = "bc";
  second.add(std::span(reinterpret_cast<const uint8_t*>(rest.data()), rest.size()));
  EXPECT_EQ(second.hex(), kOfAbc);
}

// Test cases 1 and 6 of RFC 4231.
TEST(HmacSha256Test, MatchesTheStandard) {
  EXPECT_EQ(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace vedette
