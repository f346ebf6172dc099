// What people want of the uploads.
#include <gtest/gtest.h>

#include "storage/catalog.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

struct UploadWishTest : testing::Test {
  Store store;
  Catalog& catalog = *store.catalog;

  Clip add(bool upload = true) {
    Clip clip = make_clip("front", kNow, 10s);
    clip.upload_wanted = upload;
    EXPECT_TRUE(catalog.finish_clip(clip, {}, upload ? std::optional(make_upload(clip)) : std::nullopt));
    return clip;
  }
  Result<Upload> want(const Clip& clip, bool force, Priority priority = Priority::high) {
    Upload wanted = make_upload(clip, priority);
    wanted.forced = force;
    wanted.queued_at = kNow;
    return catalog.want_upload(wanted);
  }
  std::string claimed(Catalog::Which which = Catalog::Which::all) {
    const auto upload = catalog.claim_upload(kNow, which).value();
    return upload ? upload->subject_id : "";
  }
};

TEST_F(UploadWishTest, WhatIsWantedGoesFirst) {
  add();
  const Clip wanted = add();
  const auto upload = want(wanted, false);
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->priority, Priority::high);
  EXPECT_FALSE(upload->forced);
  EXPECT_EQ(catalog.claim_upload(kNow, Catalog::Which::forced).value(), std::nullopt);
  EXPECT_EQ(claimed(), wanted.clip_id);
}

TEST_F(UploadWishTest, OnlyTheForcedAreGivenWhereOnlyThoseAreAskedFor) {
  add();
  const Clip forced = add();
  ASSERT_TRUE(want(forced, true, Priority::low));
  EXPECT_EQ(catalog.due_priority(kNow, Catalog::Which::forced).value(), Priority::low);
  EXPECT_EQ(claimed(Catalog::Which::forced), forced.clip_id);
  EXPECT_EQ(claimed(Catalog::Which::forced), "");
  EXPECT_FALSE(catalog.next_upload_at(Catalog::Which::forced).value());
  EXPECT_TRUE(catalog.next_upload_at().value());
}

TEST_F(UploadWishTest, TheClaimOfTheForcedReadsNoOthers) {
  const auto plan = [&](const std::string& sql) {
    std::string out;
    const auto status = store.database->read([&](Database::Access& db) {
      auto row = db.prepare("EXPLAIN QUERY PLAN " + sql);
      while (row.step()) out += row.text(3) + "\n";
      return row.status();
    });
    EXPECT_TRUE(status);
    return out;
  };
  const std::string found = plan(
      "SELECT row FROM upload WHERE state = 'pending' AND forced = 1 AND (next_try_us <= 1 OR next_try_us > 2) "
      "ORDER BY (kind NOT IN ('manifest', 'poster')), priority, row LIMIT 1");
  EXPECT_NE(found.find("upload_forced"), std::string::npos) << found;
  EXPECT_EQ(found.find("TEMP B-TREE"), std::string::npos) << found;
}

TEST_F(UploadWishTest, WhatFailedIsDueAtOnce) {
  const Clip clip = add();
  const auto row = catalog.claim_upload(kNow).value()->row;
  ASSERT_TRUE(catalog.fail_upload(row, "503", kNow + 60s, {}));
  EXPECT_EQ(claimed(), "");
  ASSERT_TRUE(want(clip, false));
  EXPECT_EQ(claimed(), clip.clip_id);
  ASSERT_TRUE(catalog.fail_upload(row, "gone", std::nullopt, {}));
  EXPECT_EQ(want(clip, false)->state, UploadState::pending);
  EXPECT_EQ(claimed(), clip.clip_id);
}

TEST_F(UploadWishTest, WhatIsUploadedIsSentAgainByForceOnly) {
  const Clip clip = add();
  const auto row = catalog.claim_upload(kNow).value()->row;
  ASSERT_TRUE(catalog.finish_upload(row, "etag", {}));
  const auto there = want(clip, false);
  ASSERT_TRUE(there);
  EXPECT_EQ(there->state, UploadState::uploaded);
  EXPECT_EQ(there->etag, "etag");
  EXPECT_EQ(claimed(), "");

  EXPECT_EQ(want(clip, true)->state, UploadState::pending);
  EXPECT_TRUE(catalog.clip(clip.clip_id)->awaits_upload) << "retention is not to take it for safe";
  EXPECT_EQ(claimed(Catalog::Which::forced), clip.clip_id);
}

TEST_F(UploadWishTest, WhatWasNeverToBeUploadedIsByForceWithAllThatBelongsToIt) {
  Catalog with_all(*store.database, ManifestIssuer{"edge-01", nullptr, true}, true);
  Clip clip = make_clip("front", kNow, 10s);
  clip.upload_wanted = false;
  ASSERT_TRUE(with_all.finish_clip(clip, {}, std::nullopt));
  EXPECT_EQ(want(clip, false).error().code, Code::conflict);
  Upload wanted = make_upload(clip, Priority::high);
  wanted.forced = true;
  wanted.queued_at = kNow;
  ASSERT_TRUE(with_all.want_upload(wanted));
  const Clip after = with_all.clip(clip.clip_id).value();
  EXPECT_TRUE(after.upload_wanted && after.awaits_upload);
  EXPECT_EQ(with_all.next_wanted_poster().value()->clip_id, clip.clip_id);
  ASSERT_TRUE(with_all.finish_poster(clip.clip_id, 10, "x"));
  std::vector<std::string> kinds;
  while (const auto upload = with_all.claim_upload(kNow, Catalog::Which::forced).value()) {
    kinds.push_back(upload->kind);
    EXPECT_TRUE(with_all.finish_upload(upload->row, "etag", {}));
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"manifest", "poster", "clip"}));
}

TEST_F(UploadWishTest, NothingIsWantedOfAClipThatIsNotThere) {
  const Clip unknown = make_clip("front", kNow, 10s);
  EXPECT_EQ(want(unknown, true).error().code, Code::not_found);
  Clip open = make_clip("front", kNow, 10s);
  open.state = ClipState::recording;
  ASSERT_TRUE(catalog.add_clip(open));
  EXPECT_EQ(want(open, true).error().code, Code::conflict);
}

TEST_F(UploadWishTest, APauseOutlivesARestart) {
  EXPECT_FALSE(catalog.uploads_paused_until().value());
  ASSERT_TRUE(catalog.set_uploads_paused_until(kNow + 60s));
  store.reopen();
  EXPECT_EQ(store.catalog->uploads_paused_until().value(), kNow + 60s);
  ASSERT_TRUE(store.catalog->set_uploads_paused_until(Catalog::kForEver));
  EXPECT_EQ(store.catalog->uploads_paused_until().value(), Catalog::kForEver);
  ASSERT_TRUE(store.catalog->set_uploads_paused_until(std::nullopt));
  EXPECT_FALSE(store.catalog->uploads_paused_until().value());
}

}  // namespace
}  // namespace vedette::test
