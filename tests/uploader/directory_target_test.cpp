#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/small_disk.h"
#include "tests/support/temp_dir.h"
#include "tests/uploader/transfer_run.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/target.h"

namespace vedette {
namespace {

namespace fs = std::filesystem;
using test::make_upload;
using test::read_text;
using test::some_content;
using test::TempDir;
using test::TransferRun;
using ::testing::HasSubstr;

class DirectoryTargetTest : public ::testing::Test {
 protected:
  Result<UploadProof> put(const Upload& upload) { return TransferRun(upload).run(*target_, root_ / upload.path); }
  fs::path object(const Upload& upload) const { return nas_ / upload.object_key; }
  // How many files are in the target, temporary ones included.
  long files() const {
    return std::count_if(fs::recursive_directory_iterator(nas_), fs::recursive_directory_iterator(),
                         [](const auto& entry) { return entry.is_regular_file(); });
  }

  const TempDir dir_;
  const fs::path root_ = dir_.path() / "storage";
  const fs::path nas_ = dir_.path() / "nas" / "vedette";
  const std::unique_ptr<Target> target_ = make_directory_target(nas_);
};

TEST_F(DirectoryTargetTest, HoldsTheFileUnderItsKey) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1024 * 1024}, size_t{3'000'001}}) {
    const auto content = some_content(size);
    const auto upload = make_upload(root_, content);
    const auto proof = put(upload);
    ASSERT_TRUE(proof) << proof.error().message;
    EXPECT_FALSE(proof->already_there);
    EXPECT_EQ(proof->etag, upload.sha256);
    EXPECT_EQ(read_text(object(upload)), content);
  }
  EXPECT_EQ(files(), 4);
}

TEST_F(DirectoryTargetTest, CountsTheSameContentAsThere) {
  const auto upload = make_upload(root_, "content");
  ASSERT_TRUE(put(upload));
  const auto again = put(upload);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->already_there);
}

TEST_F(DirectoryTargetTest, NeverOverwritesOtherContent) {
  const auto first = make_upload(root_, "one content");
  ASSERT_TRUE(put(first));
  auto second = make_upload(root_, "two content");
  second.object_key = first.object_key;
  const auto proof = put(second);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::conflict);
  EXPECT_EQ(read_text(object(first)), "one content");
}

TEST_F(DirectoryTargetTest, LeavesNothingOfAFileThatChanged) {
  auto upload = make_upload(root_, "content");
  test::write_text(root_ / upload.path, "CONTENT");
  const auto proof = put(upload);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::upload_failed);
  EXPECT_THAT(proof.error().message, HasSubstr("changed"));
  EXPECT_EQ(files(), 0);
}

TEST_F(DirectoryTargetTest, ReplacesWhatACrashLeft) {
  const auto upload = make_upload(root_, "content");
  fs::create_directories(object(upload).parent_path());
  test::write_text(object(upload).string() + ".part", "half of anoth");
  ASSERT_TRUE(put(upload));
  EXPECT_EQ(read_text(object(upload)), "content");
  EXPECT_EQ(files(), 1);
}

TEST_F(DirectoryTargetTest, SaysThatTheLocalFileIsMissing) {
  const auto upload = make_upload(root_, "content");
  fs::remove(root_ / upload.path);
  const auto proof = put(upload);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::not_found);
}

TEST_F(DirectoryTargetTest, WaitsForAFolderThatIsAway) {
  const auto upload = make_upload(root_, "content");
  fs::remove_all(nas_);
  const auto proof = put(upload);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::camera_unavailable);
  EXPECT_FALSE(fs::exists(nas_));
  fs::create_directories(nas_);
  EXPECT_TRUE(put(upload));
}

TEST_F(DirectoryTargetTest, KeepsKeysInsideTheFolder) {
  auto upload = make_upload(root_, "content");
  for (const std::string& key :
       {std::string("../a"), std::string("a/../../b"), std::string("/etc/a"), std::string("a//b"), std::string("a/"),
        std::string("./a"), std::string(), std::string("a\0b", 3)}) {
    upload.object_key = key;
    const auto proof = put(upload);
    ASSERT_FALSE(proof) << key;
    EXPECT_EQ(proof.error().code, Code::invalid_argument) << key;
  }
  EXPECT_EQ(files(), 0);
}

TEST_F(DirectoryTargetTest, DoesNotBelieveWhatACrashLeft) {
  const auto content = some_content(3'000'000);
  const auto upload = make_upload(root_, content);
  fs::create_directories(object(upload).parent_path());
  test::write_text(object(upload).string() + ".part", std::string(2'000'000, '\0'));
  const auto proof = put(upload);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(read_text(object(upload)), content);
}

TEST_F(DirectoryTargetTest, LeavesAtASliceAndGoesOnThere) {
  const auto content = some_content(5'000'000);
  const auto upload = make_upload(root_, content);
  TransferRun run(upload);
  int asked = 0;
  run.before_part = [&](int) { return ++asked == 3 ? NextPart::leave : NextPart::go; };
  const auto left = run.run(*target_, root_ / upload.path);
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().code, Code::cancelled);
  const auto size = fs::file_size(object(upload).string() + ".part");
  EXPECT_GT(size, 0u);
  EXPECT_LT(size, content.size());
  run.begin(*target_, root_ / upload.path);
  run.run_until(*target_, [&] { return run.sent_bytes() >= static_cast<int64_t>(size); });
  run.run_until(*target_, [] { return false; });
  ASSERT_TRUE(run.result() && run.result()->has_value());
  EXPECT_EQ(read_text(object(upload)), content);
  EXPECT_EQ(files(), 1);
}

TEST_F(DirectoryTargetTest, KeepsToTheRate) {
  target_->set_rate(16'000'000);  // 2 MB/s
  const auto upload = make_upload(root_, some_content(1'000'000));
  const MonoTime begin = Clock::system().mono();
  ASSERT_TRUE(put(upload));
  EXPECT_GT(Clock::system().mono() - begin, 350ms);
}

TEST_F(DirectoryTargetTest, HasNoUrls) {
  const auto url = target_->presign("a", 60s);
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().code, Code::unsupported);
}

// A network folder that was used before, as it is when it is not mounted.
class FolderIdentityTest : public DirectoryTargetTest {
 protected:
  Result<UploadProof> put_now(const Upload& upload) {
    const auto target = make_directory_target(nas_, memory_);
    return TransferRun(upload).run(*target, root_ / upload.path);
  }
  void expect_not_mounted() {
    const auto upload = make_upload(root_, "content");
    const auto proof = put_now(upload);
    ASSERT_FALSE(proof);
    EXPECT_EQ(proof.error().code, Code::camera_unavailable);
    EXPECT_THAT(proof.error().message, HasSubstr(nas_.string()));
    EXPECT_FALSE(fs::exists(object(upload)));
  }

  const fs::path memory_ = root_ / "upload-folder";
};

TEST_F(FolderIdentityTest, AnEmptyFolderInItsPlaceIsRefused) {
  ASSERT_TRUE(put_now(make_upload(root_, "one")));
  ASSERT_TRUE(put_now(make_upload(root_, "two"))) << "the same, after a restart";
  fs::rename(nas_, dir_.path() / "elsewhere");
  expect_not_mounted();
  EXPECT_FALSE(fs::exists(nas_)) << "it is not made anew";
  fs::create_directories(nas_);  // the mount point
  expect_not_mounted();
  fs::remove(nas_);
  fs::rename(dir_.path() / "elsewhere", nas_);
  EXPECT_TRUE(put_now(make_upload(root_, "three")));
}

TEST_F(FolderIdentityTest, AFolderTakenAwayWhileItIsUsedIsRefused) {
  const auto target = make_directory_target(nas_, memory_);
  const auto put_by_target = [&](const Upload& upload) {
    return TransferRun(upload).run(*target, root_ / upload.path);
  };
  ASSERT_TRUE(put_by_target(make_upload(root_, "one")));
  fs::rename(nas_, dir_.path() / "elsewhere");
  fs::create_directories(nas_);
  EXPECT_EQ(put_by_target(make_upload(root_, "two")).error().code, Code::camera_unavailable);
}

TEST_F(FolderIdentityTest, AnotherFolderIsATargetOfItsOwnAndTwoDevicesMayShareOne) {
  ASSERT_TRUE(put_now(make_upload(root_, "one")));
  const auto upload = make_upload(root_, "two");
  EXPECT_TRUE(TransferRun(upload).run(*make_directory_target(dir_.path() / "other", memory_), root_ / upload.path));
  const auto third = make_upload(root_, "three");
  const auto of_another_device = make_directory_target(nas_, dir_.path() / "another");
  EXPECT_TRUE(TransferRun(third).run(*of_another_device, root_ / third.path));
  EXPECT_TRUE(put_now(make_upload(root_, "four")));
}

TEST_F(DirectoryTargetTest, WhatLiesUnderItsNameAndIsNoFileIsAConflictOfThatObject) {
  const auto upload = make_upload(root_, "content");
  fs::create_directories(object(upload).parent_path());
  fs::create_symlink("nowhere", object(upload));
  const auto proof = put(upload);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::conflict) << proof.error().message;
}

TEST_F(DirectoryTargetTest, ALinkInThePlaceOfAPartLeadsNowhere) {
  const auto upload = make_upload(root_, "content");
  fs::create_directories(object(upload).parent_path());
  test::write_text(dir_.path() / "outside", "mine");
  fs::create_symlink(dir_.path() / "outside", object(upload).string() + ".part");
  const auto proof = put(upload);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::camera_unavailable) << "what the folder does not do is not about this object";
  EXPECT_EQ(read_text(dir_.path() / "outside"), "mine");
  EXPECT_FALSE(fs::exists(object(upload)));
}

TEST_F(DirectoryTargetTest, AFullFolderIsNotKeptFullByWhatDidNotFit) {
  if (const std::string why = test::SmallDisk::not_possible(); !why.empty()) GTEST_SKIP() << why;
  test::SmallDisk disk(dir_.path() / "nas", 4096);
  disk.mount();
  fs::create_directories(nas_);
  const auto large = put(make_upload(root_, some_content(6'000'000)));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::no_space) << large.error().message;
  EXPECT_TRUE(put(make_upload(root_, some_content(1'000'000))));
}

}  // namespace
}  // namespace vedette
