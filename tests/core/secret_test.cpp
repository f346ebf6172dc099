#include "core/secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/redact.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

using testing::HasSubstr;

class SecretTest : public testing::Test {
 protected:
  std::string file(const std::string& content) const {
    const auto path = dir_.path() / "secret";
    test::write_text(path, content);
    return path.string();
  }
  test::TempDir dir_;
};

Error error_of(const std::string& reference) {
  const auto secret = resolve_secret(reference);
  return secret ? Error{Code::ok, "it resolved"} : secret.error();
}

TEST_F(SecretTest, FileGivesItsContentWithoutOneLineBreakAtTheEnd) {
  EXPECT_EQ(resolve_secret(file("s3cret")), "s3cret");
  EXPECT_EQ(resolve_secret(file("s3cret\n")), "s3cret");
  EXPECT_EQ(resolve_secret(file("s3cret\r\n")), "s3cret");
  EXPECT_EQ(resolve_secret(file(" s3cret \n\n")), " s3cret \n");
}

TEST_F(SecretTest, BecomesKnownToTheRedactor) {
  ASSERT_TRUE(resolve_secret(file("never/shown&1\n")));
  EXPECT_EQ(redact("never/shown&1 or never%2Fshown%261"), "*** or ***");
}

TEST_F(SecretTest, ReferenceMayStandForAFileThatCanBeReadAgain) {
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(secret_file("/run/secrets/a"), "/run/secrets/a");
  EXPECT_EQ(secret_file("env:HOME"), "");
  EXPECT_EQ(secret_file("cred:a"), "");
  EXPECT_EQ(secret_file(""), "");
  setenv("CREDENTIALS_DIRECTORY", "/run/credentials/vedette.service", 1);
  EXPECT_EQ(secret_file("cred:a"), "/run/credentials/vedette.service/a");
  EXPECT_EQ(secret_file("cred:../a"), "");
  unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_F(SecretTest, MissingEmptyAndHugeFilesAreErrors) {
  EXPECT_EQ(error_of((dir_.path() / "none").string()).code, Code::invalid_argument);
  EXPECT_EQ(error_of("").code, Code::invalid_argument);
  EXPECT_EQ(error_of(dir_.path().string()).code, Code::invalid_argument) << "a folder";
  EXPECT_THAT(error_of(file("\n")).message, HasSubstr("is empty"));
  EXPECT_EQ(error_of(file(std::string(100'000, 'x'))).code, Code::invalid_argument);
}

TEST_F(SecretTest, EnvironmentVariable) {
  setenv("VEDETTE_TEST_SECRET", "of-the-environment", 1);
  EXPECT_EQ(resolve_secret("env:VEDETTE_TEST_SECRET"), "of-the-environment");
  setenv("VEDETTE_TEST_SECRET", "", 1);
  EXPECT_THAT(error_of("env:VEDETTE_TEST_SECRET").message, HasSubstr("is empty"));
  EXPECT_THAT(error_of("env:VEDETTE_NOT_SET").message, HasSubstr("VEDETTE_NOT_SET is not set"));
  EXPECT_EQ(error_of("env:").code, Code::invalid_argument);
}

TEST_F(SecretTest, SystemdCredential) {
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_THAT(error_of("cred:secret").message, HasSubstr("LoadCredential=secret:"));
  file("of-systemd");
  setenv("CREDENTIALS_DIRECTORY", dir_.path().c_str(), 1);
  EXPECT_EQ(resolve_secret("cred:secret"), "of-systemd");
  for (const char* name : {"cred:", "cred:../secret", "cred:/etc/passwd", "cred:none", "cred:..", "cred:."})
    EXPECT_EQ(error_of(name).code, Code::invalid_argument) << name;
  unsetenv("CREDENTIALS_DIRECTORY");
}

}  // namespace
}  // namespace vedette
