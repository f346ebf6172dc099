#include "storage/snapshot_files.h"

#include <gtest/gtest.h>

#include "core/ids.h"
#include "core/sha256.h"
#include "tests/storage/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;

class SnapshotFilesTest : public testing::Test {
 protected:
  // A picture as `snapshot.take` leaves it, without its row.
  Upload put(const std::string& content = "picture") {
    Upload upload;
    upload.kind = "snapshot";
    upload.subject_id = new_id(kNow);
    upload.camera_id = "front";
    upload.path = Layout::snapshot_path("front", upload.subject_id, kNow);
    upload.object_key = store.layout.snapshot_key("front", upload.subject_id, kNow);
    upload.size_bytes = static_cast<int64_t>(content.size());
    upload.sha256 = sha256_hex(content);
    upload.start = upload.end = kNow;
    fs::create_directories(file_of(upload).parent_path());
    write_text(file_of(upload), content);
    return upload;
  }
  Upload add(const std::string& content = "picture") { return store.catalog->add_upload(put(content)).value(); }
  void upload(const Upload& one) { EXPECT_TRUE(store.catalog->finish_upload(one.row, "etag", {})); }
  fs::path file_of(const Upload& one) const { return store.layout.absolute(one.path); }
  int64_t rows() const { return store.number("SELECT count(*) FROM upload"); }

  Store store;
  FakeClock clock{kNow};
  SnapshotFiles files{store.layout, *store.catalog, clock};
};

TEST_F(SnapshotFilesTest, WhatTheStoreHasGoesWithItsRow) {
  const Upload done = add(), waiting = add();
  upload(done);
  EXPECT_FALSE(files.tidy(10).value());
  EXPECT_FALSE(fs::exists(file_of(done)));
  EXPECT_TRUE(fs::exists(file_of(waiting)));
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(store.losses->count().value(), 0);
}

TEST_F(SnapshotFilesTest, AFileThatIsGoneAlreadyIsNoFault) {
  const Upload done = add();
  upload(done);
  fs::remove(file_of(done));
  EXPECT_TRUE(files.tidy(10));
  EXPECT_EQ(rows(), 0);
}

TEST_F(SnapshotFilesTest, OneThatFailedForGoodIsALoss) {
  const Upload failed = add();
  ASSERT_TRUE(store.catalog->fail_upload(failed.row, "the file is gone", std::nullopt, {}));
  EXPECT_TRUE(files.tidy(10));
  EXPECT_EQ(rows(), 0);
  const auto losses = store.losses->query({}).value().losses;
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].what, "snapshot");
  EXPECT_EQ(losses[0].camera_id, "front");
  EXPECT_EQ(losses[0].reason, "upload_failed");
}

TEST_F(SnapshotFilesTest, GoesOnWhereAPassEnds) {
  for (int i = 0; i < 5; ++i) upload(add());
  EXPECT_TRUE(files.tidy(2).value());
  EXPECT_EQ(rows(), 3);
  EXPECT_TRUE(files.tidy(2).value());
  EXPECT_FALSE(files.tidy(2).value());
  EXPECT_EQ(rows(), 0);
}

TEST_F(SnapshotFilesTest, OfThoseThatWaitTheOldestGoBeyondTheBounds) {
  for (const SnapshotFiles::Bounds bounds : {SnapshotFiles::Bounds{2, 1000}, SnapshotFiles::Bounds{100, 14}}) {
    SnapshotFiles bounded(store.layout, *store.catalog, clock, bounds);
    const Upload first = add(), second = add(), third = add();
    EXPECT_FALSE(bounded.tidy(10).value());
    EXPECT_FALSE(fs::exists(file_of(first)));
    EXPECT_TRUE(fs::exists(file_of(second)) && fs::exists(file_of(third)));
    EXPECT_EQ(rows(), 2);
    const auto losses = store.losses->query({}).value().losses;
    EXPECT_EQ(losses.front().reason, "retention_before_upload");
    EXPECT_EQ(losses.front().bytes, 7);
    upload(second);
    upload(third);
    EXPECT_TRUE(files.tidy(10));
    EXPECT_EQ(rows(), 0);
  }
  EXPECT_EQ(store.losses->count().value(), 2);
}

TEST_F(SnapshotFilesTest, OneThatIsUnderWayStays) {
  SnapshotFiles bounded(store.layout, *store.catalog, clock, {0, 0});
  const Upload under_way = add();
  ASSERT_TRUE(store.catalog->claim_upload(kNow).value());
  EXPECT_TRUE(bounded.tidy(10));
  EXPECT_TRUE(fs::exists(file_of(under_way)));
  EXPECT_EQ(rows(), 1);
}

TEST_F(SnapshotFilesTest, BundlesLoseTheirRowOnly) {
  Upload bundle = put();
  bundle.kind = "diagnostics";
  const Upload done = store.catalog->add_upload(bundle).value();
  upload(done);
  EXPECT_TRUE(files.tidy(10));
  EXPECT_TRUE(fs::exists(file_of(done)));
  EXPECT_EQ(rows(), 0);
  bundle.subject_id = new_id(kNow);
  const Upload failed = store.catalog->add_upload(bundle).value();
  ASSERT_TRUE(store.catalog->fail_upload(failed.row, "the file is gone", std::nullopt, {}));
  EXPECT_TRUE(files.tidy(10));
  EXPECT_EQ(rows(), 0);
  EXPECT_EQ(store.losses->count().value(), 0) << "it is made again when somebody asks";
}

// It was chosen as one that waits; since then the store has it, or is getting it.
TEST_F(SnapshotFilesTest, WhatIsForgottenGoesByItsStateOfNow) {
  const Upload done = add(), under_way = add();
  upload(done);
  ASSERT_EQ(store.catalog->claim_upload(kNow).value()->row, under_way.row);
  ASSERT_TRUE(store.catalog->forget_uploads({done, under_way}, "retention_before_upload", kNow));
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(store.losses->count().value(), 0);
}

TEST_F(SnapshotFilesTest, AFolderThatCannotBeReadStopsNoStart) {
  write_text(store.layout.absolute("snapshots"), "a file in the place of the folder");
  EXPECT_EQ(files.adopt().value(), 0);
}

TEST_F(SnapshotFilesTest, WhatNoRowSpeaksOfIsUploaded) {
  const Upload known = add(), lost = put("another");
  write_text(file_of(lost).parent_path() / "notes.jpg", "of somebody else");
  EXPECT_EQ(files.adopt().value(), 1);
  EXPECT_EQ(files.adopt().value(), 0);
  const auto waiting = store.catalog->oldest_waiting_snapshots(10).value();
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0].subject_id, known.subject_id);
  EXPECT_EQ(waiting[1].subject_id, lost.subject_id);
  EXPECT_EQ(waiting[1].path, lost.path);
  EXPECT_EQ(waiting[1].object_key, lost.object_key);
  EXPECT_EQ(waiting[1].sha256, lost.sha256);
  EXPECT_EQ(waiting[1].size_bytes, lost.size_bytes);
  EXPECT_EQ(waiting[1].priority, Priority::high);
}

}  // namespace
}  // namespace vedette::test
