// Credentials that change while a real store checks them: an object goes by the target of the product, which asks for
// them before each request, says when the store refuses them, and tries once more when there are others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "tests/support/s3_server.h"
#include "tests/support/wait.h"
#include "tests/uploader/credentials_server.h"
#include "tests/uploader/transfer_run.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/file_credentials.h"
#include "uploader/s3_config.h"

namespace vedette {
namespace {

using test::CredentialsServer;
using test::eventually;
using test::S3Server;
using test::TempDir;
using testing::HasSubstr;

constexpr milliseconds kLimit{30'000};
constexpr size_t kInOne = 100, kInParts = 6'000'000;

class CredentialsRotationTest : public testing::Test {
 protected:
  static S3Server& store() {
    static S3Server instance;
    static const bool has_bucket = (instance.create_bucket("rotation"), true);
    static_cast<void>(has_bucket);
    return instance;
  }
  static S3Credentials right() { return {store().access_key(), store().secret_key(), ""}; }

  // "200", or the words of the refusal.
  std::string put(const std::shared_ptr<CredentialsSource>& source, size_t size = kInOne) {
    S3Config config;
    config.endpoint = store().endpoint();
    config.bucket = "rotation";
    config.part_size_bytes = 5 << 20;
    const Upload upload = test::make_upload(dir_.path(), test::some_content(size));
    const auto proof = test::TransferRun(upload).run(*make_s3_target(config, source), dir_.path() / upload.path);
    return proof ? "200" : proof.error().message;
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

TEST_F(CredentialsRotationTest, WhatTheOldKeyIsRefusedTheNewOneDoesWithinTheSameUpload) {
  for (const size_t size : {kInOne, kInParts}) {
    write({store().access_key(), "wrongwrongwrong", ""});
    const auto source = of_files();
    EXPECT_THAT(put(source, size), HasSubstr("SignatureDoesNotMatch"));
    write(right());
    EXPECT_EQ(put(source, size), "200") << "the refusal has the files read, without waiting for a second to pass";
  }
}

TEST_F(CredentialsRotationTest, KeysOfAnotherAccountAreReplaced) {
  write({store().other_access_key(), store().other_secret_key(), ""});
  const auto source = of_files();
  EXPECT_THAT(put(source), HasSubstr("AccessDenied"));
  write(right());
  EXPECT_EQ(put(source), "200");
}

TEST_F(CredentialsRotationTest, KeysThatWereWithdrawnAreReplacedWithoutARefusal) {
  write(right());
  const auto source = of_files();
  EXPECT_EQ(put(source), "200");
  write({"NOSUCHKEY", "some-secret", ""});
  EXPECT_TRUE(eventually(kLimit, [&] { return source->current()->access_key_id == "NOSUCHKEY"; }));
  EXPECT_THAT(put(source), HasSubstr("InvalidAccessKeyId"));
  write(right());
  EXPECT_EQ(put(source), "200");
}

TEST_F(CredentialsRotationTest, AnEndpointIsAskedForOthersWhenTheStoreRefusesThem) {
  // The store has no security token service, and takes any token beside keys that last.
  const auto script = [](const std::string& secret) {
    return R"({"key_id": ")" + store().access_key() + R"(", "secret": ")" + secret + R"(", "token": "t"})";
  };
  CredentialsServer server(script("wrongwrongwrong"));
  CredentialsPace pace;
  pace.least_gap = 10ms;
  const auto source = endpoint_credentials(server.endpoint(), Clock::system(), pace);
  ASSERT_TRUE(eventually(kLimit, [&] { return source->current().has_value(); }));
  EXPECT_THAT(put(source), HasSubstr("SignatureDoesNotMatch"));
  server.answer(script(store().secret_key()));
  // The answer of the endpoint is not waited for: the upload that is refused fails, and one of those that follow goes.
  EXPECT_TRUE(eventually(kLimit, [&] { return put(source) == "200"; }));
  EXPECT_EQ(put(source, kInParts), "200");
}

}  // namespace
}  // namespace vedette
