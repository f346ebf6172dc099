#include "uploader/file_credentials.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/redact.h"
#include "tests/support/fake_clock.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

namespace fs = std::filesystem;

class FileCredentialsTest : public testing::Test {
 protected:
  FileCredentialsTest() { write_all("1"); }

  fs::path path(const std::string& name) const { return dir_.path() / name; }
  void write(const std::string& name, const std::string& text) const { test::write_text(path(name), text); }
  void replace(const std::string& name, const std::string& text) const {
    write("new", text);
    fs::rename(path("new"), path(name));
  }
  void write_all(const std::string& number) const {
    replace("id", "KEY" + number + "\n");
    replace("secret", "canary-secret-" + number + "\n");
    replace("token", "canary-token-" + number + "\n");
  }
  static S3Credentials set(const std::string& number) {
    return {"KEY" + number, "canary-secret-" + number, "canary-token-" + number};
  }
  std::shared_ptr<CredentialsSource> source() const {
    return file_credentials(set("1"), {path("id"), path("secret"), path("token")}, clock_);
  }
  S3Credentials after_a_second(CredentialsSource& source) {
    clock_.advance(1s);
    return *source.current();
  }

  test::TempDir dir_;
  test::FakeClock clock_;
};

TEST_F(FileCredentialsTest, FilesThatWereRenamedOverAreReadAgain) {
  const auto credentials = source();
  EXPECT_EQ(*credentials->current(), set("1"));
  write_all("2");
  EXPECT_EQ(after_a_second(*credentials), set("2"));
  EXPECT_EQ(redact("canary-secret-2 canary-token-2"), "*** ***");
}

TEST_F(FileCredentialsTest, FilesThatWereWrittenInPlaceAreReadAgain) {
  const auto credentials = source();
  EXPECT_EQ(*credentials->current(), set("1"));
  write("secret", "canary-secret-longer");
  EXPECT_EQ(after_a_second(*credentials).secret_access_key, "canary-secret-longer");
  write("secret", "canary-secret-LONGER");  // the same inode and size
  const timespec times[2] = {{0, UTIME_OMIT}, {1'900'000'000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path("secret").c_str(), times, 0), 0);
  EXPECT_EQ(after_a_second(*credentials).secret_access_key, "canary-secret-LONGER");
}

// As Kubernetes renews a mounted secret: the files are links through "..data", which is turned.
TEST_F(FileCredentialsTest, ALinkThatIsTurnedCounts) {
  const fs::path mount = path("mount");
  for (const std::string number : {"1", "2"}) {
    fs::create_directories(mount / number);
    test::write_text(mount / number / "id", "KEY" + number);
    test::write_text(mount / number / "secret", "canary-secret-" + number);
    test::write_text(mount / number / "token", "canary-token-" + number);
  }
  fs::create_symlink("1", mount / "..data");
  for (const std::string name : {"id", "secret", "token"}) fs::create_symlink("..data/" + name, mount / name);
  const auto credentials = file_credentials(set("1"), {mount / "id", mount / "secret", mount / "token"}, clock_);
  EXPECT_EQ(*credentials->current(), set("1"));
  fs::create_symlink("2", mount / "..next");
  fs::rename(mount / "..next", mount / "..data");
  EXPECT_EQ(after_a_second(*credentials), set("2"));
}

TEST_F(FileCredentialsTest, FilesAreLookedAtOnceASecond) {
  const auto credentials = source();
  EXPECT_EQ(*credentials->current(), set("1"));
  write_all("2");
  clock_.advance(999ms);
  EXPECT_EQ(*credentials->current(), set("1"));
  clock_.advance(1ms);
  EXPECT_EQ(*credentials->current(), set("2"));
}

TEST_F(FileCredentialsTest, RefusedOnesAreReadAtOnce) {
  const auto credentials = source();
  EXPECT_EQ(*credentials->current(), set("1"));
  write_all("2");
  credentials->refused(set("1"), "InvalidAccessKeyId");
  EXPECT_EQ(*credentials->current(), set("2"));
}

TEST_F(FileCredentialsTest, ARefusalOfOlderOnesChangesNothing) {
  const auto credentials = source();
  ASSERT_EQ(*credentials->current(), set("1"));
  write_all("2");
  credentials->refused(set("0"), "InvalidAccessKeyId");
  EXPECT_EQ(*credentials->current(), set("1")) << "the second is not over";
}

TEST_F(FileCredentialsTest, ASetThatIsReadHalfRenewedIsCompletedWhenItIsRefused) {
  const auto credentials = source();
  replace("id", "KEY2");
  const auto half = *credentials->current();
  EXPECT_EQ(half, (S3Credentials{"KEY2", "canary-secret-1", "canary-token-1"}));
  write_all("2");
  credentials->refused(half, "SignatureDoesNotMatch");
  EXPECT_EQ(*credentials->current(), set("2"));
}

TEST_F(FileCredentialsTest, AFileThatIsGoneOrEmptyLeavesTheOldValue) {
  const auto credentials = source();
  ASSERT_EQ(*credentials->current(), set("1"));
  fs::remove(path("secret"));
  write("token", "");
  EXPECT_EQ(after_a_second(*credentials), set("1"));
  credentials->refused(set("1"), "ExpiredToken");
  EXPECT_EQ(*credentials->current(), set("1"));
  write_all("2");
  EXPECT_EQ(after_a_second(*credentials), set("2"));
}

TEST_F(FileCredentialsTest, AFileThatCannotBeReadIsTakenWhenItCanAgain) {
  const auto credentials = source();
  ASSERT_EQ(*credentials->current(), set("1"));
  fs::create_directory(path("folder"));
  replace("id", "KEY2");
  fs::rename(path("secret"), path("aside"));
  fs::create_symlink("folder", path("secret"));
  EXPECT_EQ(after_a_second(*credentials), (S3Credentials{"KEY2", "canary-secret-1", "canary-token-1"}));
  fs::remove(path("secret"));
  fs::rename(path("aside"), path("secret"));
  replace("secret", "canary-secret-2");
  EXPECT_EQ(after_a_second(*credentials).secret_access_key, "canary-secret-2");
}

TEST_F(FileCredentialsTest, WhatIsNoFileStays) {
  setenv("VEDETTE_TEST_KEY_ID", "ENVKEY", 1);
  const auto credentials = file_credentials({"ENVKEY", "literal", ""}, {"env:VEDETTE_TEST_KEY_ID", "", ""}, clock_);
  setenv("VEDETTE_TEST_KEY_ID", "OTHER", 1);
  clock_.advance(1s);
  credentials->refused({"ENVKEY", "literal", ""}, "InvalidAccessKeyId");
  EXPECT_EQ(*credentials->current(), (S3Credentials{"ENVKEY", "literal", ""}));
}

TEST_F(FileCredentialsTest, SystemdCredentialsAreFilesToo) {
  setenv("CREDENTIALS_DIRECTORY", dir_.path().c_str(), 1);
  const auto credentials = file_credentials(set("1"), {"cred:id", "cred:secret", "cred:token"}, clock_);
  EXPECT_EQ(*credentials->current(), set("1"));
  write_all("2");
  EXPECT_EQ(after_a_second(*credentials), set("2"));
  unsetenv("CREDENTIALS_DIRECTORY");
}

}  // namespace
}  // namespace vedette
