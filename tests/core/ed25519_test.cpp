#include "core/ed25519.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/signed_json.h"
#include "core/text.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

// Test 2 of RFC 8032, 7.1, as openssl writes that key.
constexpr const char* kPrivate =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7"
    "\n-----END PRIVATE KEY-----\n";
constexpr const char* kPublic =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC "
    "KEY-----\n";
constexpr const char* kSignature =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
    "387b2eaeb4302aeeb00d291612bb0c00";

TEST(Ed25519Test, MatchesTheStandard) {
  const auto key = SigningKey::from_pem(kPrivate);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(to_hex(key->sign("r")), kSignature);
  const auto other_half = VerifyingKey::from_pem(kPublic);
  ASSERT_TRUE(other_half);
  EXPECT_EQ(other_half->id(), key->verifying_key().id());
  EXPECT_TRUE(other_half->verifies("r", key->sign("r")));
  EXPECT_FALSE(other_half->verifies("s", key->sign("r")));
  EXPECT_FALSE(other_half->verifies("r", "short"));
  EXPECT_FALSE(other_half->verifies("r", ""));
}

TEST(Ed25519Test, RefusesWhatIsNoSuchKeyWithoutAskingOrQuoting) {
  const test::TempDir dir;
  const auto made = [&](const std::string& how) {
    const std::string path = (dir.path() / "key").string();
    EXPECT_EQ(test::run({"sh", "-c", "openssl genpkey " + how + " -out " + path + " 2>/dev/null"}).status, 0);
    return test::read_text(path);
  };
  const std::string passphrase = made("-algorithm ed25519 -aes256 -pass pass:secret1");
  for (const std::string& bad : {std::string(), std::string("no key"), std::string(kPublic), made("-algorithm x25519"),
                                 passphrase, std::string(kPrivate).substr(0, 60)}) {
    const auto key = SigningKey::from_pem(bad);
    ASSERT_FALSE(key) << bad;
    EXPECT_EQ(key.error().code, Code::invalid_argument);
  }
  EXPECT_FALSE(VerifyingKey::from_pem(kPrivate));
  EXPECT_FALSE(VerifyingKey::from_pem(""));
  EXPECT_TRUE(SigningKey::from_pem(made("-algorithm ed25519")));
}

TEST(SignedJsonTest, IsSortedAndCompactAndEndsWithTheSignature) {
  const Json object = {{"z", Json::array({1, 2})}, {"a", {{"d", "ä\n"}, {"b", nullptr}}}};
  const std::string text = to_canonical_text(object);
  EXPECT_EQ(text, R"({"a":{"b":null,"d":"ä\n"},"z":[1,2]})");
  const auto key = SigningKey::from_pem(kPrivate);
  const std::string with = signed_text(text, *key);
  EXPECT_TRUE(Json::parse(with).contains("signature")) << with;

  const SignedText parts = split_signature(with);
  EXPECT_EQ(parts.text, text);
  ASSERT_TRUE(parts.signature);
  EXPECT_TRUE(key->verifying_key().verifies(parts.text, *parts.signature));
}

TEST(SignedJsonTest, TakesNothingElseForASignature) {
  const std::string good = signed_text(R"({"a":1})", *SigningKey::from_pem(kPrivate));
  const std::string member = good.substr(6);
  for (const std::string& text :
       {std::string(), std::string("{}"), good + "\n", good.substr(0, good.size() - 3) + "\"}",
        R"({"a":"\)" + member.substr(1), std::string(R"({"a":1,"signature":""})")})
    EXPECT_FALSE(split_signature(text).signature) << text;
}

TEST(Base64Test, GoesThereAndBack) {
  for (const std::string text : {"", "a", "ab", "abc", "abcd", "\xff\xfe\x00x"})
    EXPECT_EQ(from_base64(to_base64(text)), text);
  for (const char* bad : {"a", "ab=", "a===", "ab=c", "ab==ab==", "aa!=", "ab==\n", "aR=="})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

}  // namespace
}  // namespace vedette
