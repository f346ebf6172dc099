// Credentials that change while a real store checks them, as the uploader uses them: current() for each request,
// refused() when the store refuses it, and once more when there are others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "core/sha256.h"
#include "net/http_client.h"
#include "tests/support/s3_server.h"
#include "tests/support/wait.h"
#include "tests/uploader/credentials_server.h"
#include "uploader/file_credentials.h"
#include "uploader/s3_error.h"
#include "uploader/sigv4.h"

namespace vedette {
namespace {

using test::CredentialsServer;
using test::eventually;
using test::S3Server;
using test::TempDir;

constexpr milliseconds kLimit{30'000};

class CredentialsRotationTest : public testing::Test {
 protected:
  static S3Server& store() {
    static S3Server instance;
    static const bool has_bucket = (instance.create_bucket("rotation"), true);
    static_cast<void>(has_bucket);
    return instance;
  }
  static S3Credentials right() { return {store().access_key(), store().secret_key(), ""}; }

  // "200", or the code of the refusal.
  static std::string put_once(const S3Credentials& credentials) {
    SigningRequest to_sign;
    to_sign.method = "PUT";
    to_sign.host = store().endpoint().substr(std::string("http://").size());
    to_sign.path = "/rotation/object";
    to_sign.payload_sha256 = sha256_hex("content");
    HttpRequest request;
    request.method = "PUT";
    request.url = store().endpoint() + SigV4::encoded_target(to_sign);
    request.headers = SigV4(credentials, store().region()).sign(to_sign, Clock::system().utc());
    request.headers.emplace_back("Host", to_sign.host);
    request.body = "content";
    const auto answer = HttpClient().perform(request, {});
    if (!answer) return answer.error().message;
    return answer->status == 200 ? "200" : s3_error_code(answer->body);
  }
  static std::string put(CredentialsSource& source) {
    const auto first = source.current();
    if (!first) return std::string(code_name(first.error().code));
    const std::string outcome = put_once(*first);
    if (outcome == "200") return outcome;
    source.refused(*first, outcome);
    const auto second = source.current();
    return second && !(*second == *first) ? put_once(*second) : outcome;
  }

  void write(const S3Credentials& credentials) const {
    for (const auto& [name, text] :
         {std::pair{"id", credentials.access_key_id}, std::pair{"secret", credentials.secret_access_key}}) {
      test::write_text(dir_.path() / "new", text + "\n");
      std::filesystem::rename(dir_.path() / "new", dir_.path() / name);
    }
  }
  std::shared_ptr<CredentialsSource> of_files() const {
    return file_credentials({}, {dir_.path() / "id", dir_.path() / "secret", ""});
  }

  TempDir dir_;
};

TEST_F(CredentialsRotationTest, WhatFailedWithTheOldKeySucceedsWithTheNewOneAtOnce) {
  write({store().access_key(), "wrongwrongwrong", ""});
  const auto source = of_files();
  EXPECT_EQ(put(*source), "SignatureDoesNotMatch");
  write(right());
  EXPECT_EQ(put(*source), "200") << "the refusal has the files read, without waiting for a second to pass";
}

TEST_F(CredentialsRotationTest, KeysOfAnotherAccountAreReplaced) {
  write({store().other_access_key(), store().other_secret_key(), ""});
  const auto source = of_files();
  EXPECT_EQ(put(*source), "AccessDenied");
  write(right());
  EXPECT_EQ(put(*source), "200");
}

TEST_F(CredentialsRotationTest, KeysThatWereWithdrawnAreReplacedWithoutARefusal) {
  write(right());
  const auto source = of_files();
  EXPECT_EQ(put(*source), "200");
  write({"NOSUCHKEY", "some-secret", ""});
  EXPECT_TRUE(eventually(kLimit, [&] { return source->current()->access_key_id == "NOSUCHKEY"; }));
  EXPECT_EQ(put(*source), "InvalidAccessKeyId");
  write(right());
  EXPECT_EQ(put(*source), "200");
}

TEST_F(CredentialsRotationTest, AnEndpointIsAskedForOthersWhenTheStoreRefusesThem) {
  // The store has no security token service; keys that last pass for temporary ones when the token is left out.
  const auto script = [](const std::string& secret) {
    return R"({"key_id": ")" + store().access_key() + R"(", "secret": ")" + secret + R"(", "token": "t"})";
  };
  CredentialsServer server(script("wrongwrongwrong"));
  CredentialsPace pace;
  pace.least_gap = 10ms;
  const auto source = endpoint_credentials(server.endpoint(), Clock::system(), pace);
  ASSERT_TRUE(eventually(kLimit, [&] { return source->current().has_value(); }));
  const auto without_token = [&] {
    auto credentials = *source->current();
    credentials.session_token.clear();
    return put_once(credentials);
  };
  EXPECT_EQ(without_token(), "SignatureDoesNotMatch");
  server.answer(script(store().secret_key()));
  source->refused(*source->current(), "SignatureDoesNotMatch");
  EXPECT_TRUE(eventually(kLimit, [&] { return source->current()->secret_access_key == store().secret_key(); }));
  EXPECT_EQ(without_token(), "200");
}

}  // namespace
}  // namespace vedette
