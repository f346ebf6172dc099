// Clips in the queue of uploads, which go behind what belongs to them.
#include <gtest/gtest.h>

#include "tests/storage/upload_queue_fixture.h"

namespace vedette::test {
namespace {

// A clip with what belongs beside it, as they arrive: the clip is the last one to go.
struct ClipQueueTest : UploadQueueTest {
  struct Rows {
    int64_t manifest, poster, clip;
  };
  Rows add_clip(Priority priority = Priority::normal, bool forced = false) {
    Upload upload = make_upload(make_clip("front", kNow, 10s), priority);
    upload.forced = forced;
    const auto add_kind = [&](const char* kind) {
      upload.kind = kind;
      return catalog.add_upload(upload).value().row;
    };
    const int64_t manifest = add_kind("manifest"), clip = add_kind("clip");
    return {manifest, add_kind("poster"), clip};
  }
  int64_t claimed(UtcTime now = kNow) {
    const auto upload = claim(now);
    return upload ? upload->row : 0;
  }
  void finish(int64_t row) { ASSERT_TRUE(catalog.finish_upload(row, "etag", {})); }
};

TEST_F(ClipQueueTest, AClipWaitsForItsOwnManifestAndPosterAndForNoOthers) {
  const Rows one = add_clip(), two = add_clip();
  for (const int64_t row : {one.manifest, one.poster, two.manifest, two.poster}) EXPECT_EQ(claimed(), row);
  EXPECT_EQ(claimed(), 0) << "both clips have something under way";
  finish(two.manifest);
  EXPECT_EQ(claimed(), 0) << "the poster is still under way";
  finish(two.poster);
  EXPECT_EQ(claimed(), two.clip);
  EXPECT_EQ(claimed(), 0);
  finish(one.poster);
  finish(one.manifest);
  EXPECT_EQ(claimed(), one.clip);
}

TEST_F(ClipQueueTest, OneThatWaitsHoldsUpNobody) {
  const Rows high = add_clip(Priority::high);
  const int64_t other = add(Priority::low).row;
  EXPECT_EQ(claimed(), high.manifest);
  EXPECT_EQ(claimed(), high.poster);
  EXPECT_EQ(*catalog.due_priority(kNow), Priority::low) << "nobody has to make way for what may not go";
  EXPECT_EQ(claimed(), other);
}

TEST_F(ClipQueueTest, NothingIsDueWhileAllThatWaitsIsHeld) {
  const Rows rows = add_clip();
  claim();
  claim();
  EXPECT_FALSE(catalog.next_upload_at().value()) << "to look again before the manifest ends finds nothing";
  EXPECT_FALSE(*catalog.due_priority(kNow));
  finish(rows.manifest);
  finish(rows.poster);
  EXPECT_LE(catalog.next_upload_at().value().value(), kNow);
  EXPECT_EQ(*catalog.due_priority(kNow), Priority::normal);
}

TEST_F(ClipQueueTest, AManifestThatFailsIsWaitedForNoLonger) {
  const Rows rows = add_clip();
  EXPECT_EQ(claimed(), rows.manifest);
  EXPECT_EQ(claimed(), rows.poster);
  ASSERT_TRUE(catalog.fail_upload(rows.manifest, "503", kNow + 60s, {}));
  ASSERT_TRUE(catalog.fail_upload(rows.poster, "conflict", std::nullopt, {}));
  EXPECT_EQ(claimed(), rows.clip);
  EXPECT_EQ(claimed(kNow + 60s), rows.manifest);
}

TEST_F(ClipQueueTest, ARestartForgetsWhatWasUnderWayAndKeepsTheOrder) {
  const Rows rows = add_clip();
  EXPECT_EQ(claimed(), rows.manifest);
  EXPECT_EQ(claimed(), rows.poster);
  ASSERT_TRUE(catalog.reset_uploads());
  for (const int64_t row : {rows.manifest, rows.poster}) {
    EXPECT_EQ(claimed(), row);
    finish(row);
  }
  EXPECT_EQ(claimed(), rows.clip);
}

TEST_F(ClipQueueTest, TheForcedWaitTooEvenForWhatIsNot) {
  const Rows rows = add_clip(Priority::normal, true);
  ASSERT_TRUE(store.database->write([&](Database::Access& db) {
    return db.prepare("UPDATE upload SET forced = 0 WHERE row = ?1").bind(1, rows.manifest).run();
  }));
  EXPECT_EQ(claimed(), rows.manifest);
  const auto forced = [&] { return catalog.claim_upload(kNow, Catalog::Which::forced).value(); };
  EXPECT_EQ(forced()->row, rows.poster);
  EXPECT_FALSE(forced());
  EXPECT_FALSE(catalog.next_upload_at(Catalog::Which::forced).value());
  finish(rows.poster);
  finish(rows.manifest);
  EXPECT_EQ(forced()->row, rows.clip);
}

}  // namespace
}  // namespace vedette::test
