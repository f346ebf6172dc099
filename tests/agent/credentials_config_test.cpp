// The configuration of the bucket's credentials, and what is made of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "agent/from_config.h"
#include "core/redact.h"
#include "tests/agent/config_fixture.h"

namespace vedette {
namespace {

using test::errors_of;
using test::load;
using test::paths_of;
using test::with;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr const char* kVariables[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"};

class CredentialsConfigTest : public test::ConfigTest {
 protected:
  CredentialsConfigTest() { clear(); }
  ~CredentialsConfigTest() override { clear(); }
  static void clear() {
    for (const char* name : kVariables) unsetenv(name);
  }
  static void environment(const char* key_id, const char* secret, const char* token) {
    clear();
    const char* values[] = {key_id, secret, token};
    for (int i = 0; i < 3; ++i)
      if (values[i] != nullptr) setenv(kVariables[i], values[i], 1);
  }
  static std::string bucket(const std::string& members = "") {
    return with("upload", R"("endpoint": "https://s3.example", "bucket": "clips")" +
                              std::string(members.empty() ? "" : ", ") + members);
  }
  static std::string endpoint(const std::string& more = "") {
    return R"("credentials_endpoint": {"url": "https://iot.example/role-aliases/a/credentials",)"
           R"("cert_file": "/c.pem", "key_file": "/k.pem")" +
           more + "}";
  }
};

TEST_F(CredentialsConfigTest, FilesAreReadAgainAfterTheStart) {
  const auto id = file("id", "OLDKEY\n"), secret = file("secret", "old-secret\n"), token = file("token", "old-token\n");
  const auto config = load(bucket(R"("access_key_id_file": ")" + id + R"(", "secret_access_key_file": ")" + secret +
                                  R"(", "session_token_file": ")" + token + "\""))
                          .config;
  file("id", "NEWKEY");
  file("secret", "new-secret");
  file("token", "new-token-1");
  const auto credentials = credentials_source(config)->current();
  ASSERT_TRUE(credentials);
  EXPECT_EQ(*credentials, (S3Credentials{"NEWKEY", "new-secret", "new-token-1"}));
}

TEST_F(CredentialsConfigTest, SecretsInTheFileItselfStay) {
  const auto config = load(bucket(R"("access_key_id": "THEKEY", "secret_access_key": "the-secret")")).config;
  EXPECT_EQ(*credentials_source(config)->current(), (S3Credentials{"THEKEY", "the-secret", ""}));
}

TEST_F(CredentialsConfigTest, TheSecretItselfHasPrecedenceOverItsFileAndStays) {
  const auto id = file("id", "OFTHEFILE");
  const auto config = load(bucket(R"("access_key_id_file": ")" + id +
                                  R"(", "access_key_id": "ITSELF", "secret_access_key": "the-secret")"))
                          .config;
  EXPECT_EQ(credentials_source(config)->current()->access_key_id, "ITSELF");
}

TEST_F(CredentialsConfigTest, WithoutAnyTheEnvironmentIsAsked) {
  environment("ENVKEY", "canary-env-secret", nullptr);
  EXPECT_EQ(*credentials_source(load(bucket()).config)->current(), (S3Credentials{"ENVKEY", "canary-env-secret", ""}));
  EXPECT_EQ(redact("canary-env-secret"), "***");
  environment("ENVKEY", "canary-env-secret", "env-token");
  EXPECT_EQ(credentials_source(load(bucket()).config)->current()->session_token, "env-token");
}

TEST_F(CredentialsConfigTest, HalfAnEnvironmentIsNone) {
  const auto both = UnorderedElementsAre("/upload/access_key_id_file", "/upload/secret_access_key_file");
  EXPECT_THAT(paths_of(bucket()), both);
  environment("ENVKEY", nullptr, "env-token");
  EXPECT_THAT(paths_of(bucket()), both);
  environment("ENVKEY", "", nullptr);
  EXPECT_THAT(paths_of(bucket()), both);
}

TEST_F(CredentialsConfigTest, TheEnvironmentFillsNoGaps) {
  environment("ENVKEY", "env-secret", "env-token");
  EXPECT_THAT(paths_of(bucket(R"("access_key_id": "THEKEY")")), ElementsAre("/upload/secret_access_key_file"));
  const auto config = load(bucket(R"("access_key_id": "THEKEY", "secret_access_key": "the-secret")")).config;
  EXPECT_EQ(*credentials_source(config)->current(), (S3Credentials{"THEKEY", "the-secret", ""}));
}

TEST_F(CredentialsConfigTest, EndpointIsRead) {
  environment("ENVKEY", "env-secret", nullptr);
  const auto upload = load(bucket(endpoint(R"(, "ca_file": "/ca.pem", "thing_name": "thing:1")"))).config.upload;
  ASSERT_TRUE(upload.credentials_endpoint);
  EXPECT_EQ(upload.credentials_endpoint->url, "https://iot.example/role-aliases/a/credentials");
  EXPECT_EQ(upload.credentials_endpoint->ca_file, "/ca.pem");
  EXPECT_EQ(upload.credentials_endpoint->cert_file, "/c.pem");
  EXPECT_EQ(upload.credentials_endpoint->key_file, "/k.pem");
  EXPECT_EQ(upload.credentials_endpoint->thing_name, "thing:1");
  EXPECT_EQ(upload.access_key_id, "") << "the environment has nothing to say then";
}

TEST_F(CredentialsConfigTest, EndpointGoesWithNoOtherCredentials) {
  for (const std::string key : {"access_key_id", "secret_access_key", "session_token"}) {
    EXPECT_THAT(paths_of(bucket(endpoint() + R"(, ")" + key + R"(": "fixed")")),
                ElementsAre("/upload/credentials_endpoint"));
    EXPECT_THAT(paths_of(bucket(endpoint() + R"(, ")" + key + R"(_file": ")" + file("f", "fixed") + "\"")),
                ElementsAre("/upload/credentials_endpoint"));
  }
}

TEST_F(CredentialsConfigTest, EndpointIsHttpsWithACertificate) {
  EXPECT_THAT(paths_of(bucket(R"("credentials_endpoint": {})")),
              UnorderedElementsAre("/upload/credentials_endpoint/url", "/upload/credentials_endpoint/cert_file",
                                   "/upload/credentials_endpoint/key_file"));
  for (const char* url : {"http://iot.example/", "https://", "https://u:p@iot.example/", "iot.example", "https://a b/"})
    EXPECT_THAT(paths_of(bucket(R"("credentials_endpoint": {"cert_file": "/c", "key_file": "/k", "url": ")" +
                                std::string(url) + "\"}")),
                ElementsAre("/upload/credentials_endpoint/url"))
        << url;
  EXPECT_THAT(paths_of(bucket(endpoint(R"(, "thing_name": "a b")"))),
              ElementsAre("/upload/credentials_endpoint/thing_name"));
  EXPECT_THAT(paths_of(bucket(endpoint(R"(, "other": 1)"))), ElementsAre("/upload/credentials_endpoint/other"));
}

}  // namespace
}  // namespace vedette
