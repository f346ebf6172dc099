#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "storage/catalog.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

struct UploadQueueTest : testing::Test {
  Store store;
  Catalog& catalog = *store.catalog;

  Upload add(Priority priority = Priority::normal) {
    const Clip clip = make_clip("front", kNow, 10s);
    return catalog.add_upload(make_upload(clip, priority)).value();
  }
  std::optional<Upload> claim(UtcTime now = kNow) { return catalog.claim_upload(now).value(); }
};

TEST_F(UploadQueueTest, HighGoesFirstAndEachPriorityInOrder) {
  const int64_t low = add(Priority::low).row, one = add().row, two = add().row, high = add(Priority::high).row;
  std::vector<int64_t> claimed;
  while (const auto upload = claim()) claimed.push_back(upload->row);
  EXPECT_EQ(claimed, (std::vector<int64_t>{high, one, two, low}));
}

TEST_F(UploadQueueTest, AClaimCountsTheAttemptAndIsNotGivenTwice) {
  const Upload added = add();
  const auto claimed = claim();
  ASSERT_TRUE(claimed.has_value());
  EXPECT_EQ(claimed->attempts, 1);
  EXPECT_EQ(claimed->state, UploadState::uploading);
  EXPECT_EQ(claimed->subject_id, added.subject_id);
  EXPECT_EQ(claimed->object_key, added.object_key);
  EXPECT_EQ(claimed->sha256, added.sha256);
  EXPECT_EQ(claimed->start, added.start);
  EXPECT_EQ(claimed->end, added.end);
  EXPECT_FALSE(claim().has_value());
}

TEST_F(UploadQueueTest, AFailedOneWaitsAndDoesNotHoldUpTheOthers) {
  const int64_t first = add(Priority::high).row, second = add().row;
  ASSERT_EQ(claim()->row, first);
  ASSERT_TRUE(catalog.fail_upload(first, "503 slow down", kNow + 30s, {}));
  EXPECT_EQ(claim()->row, second);
  EXPECT_FALSE(claim(kNow + 29s).has_value());
  EXPECT_EQ(catalog.next_upload_at().value(), kNow + 30s);
  const auto again = claim(kNow + 30s);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->row, first);
  EXPECT_EQ(again->attempts, 2);
  EXPECT_EQ(again->last_error, "503 slow down");
}

TEST_F(UploadQueueTest, AClockThatWasSetBackDoesNotStopTheQueue) {
  const int64_t row = add().row;
  claim();
  ASSERT_TRUE(catalog.fail_upload(row, "x", kNow + std::chrono::hours(24 * 365), {}));
  EXPECT_TRUE(claim(kNow).has_value());
}

TEST_F(UploadQueueTest, NextIsNothingWhenTheQueueIsEmpty) {
  EXPECT_FALSE(catalog.next_upload_at().value().has_value());
  add();
  EXPECT_LE(catalog.next_upload_at().value().value(), kNow);
}

TEST_F(UploadQueueTest, ARestartPutsBackWhatWasUnderWay) {
  const int64_t under_way = add().row, put_off = add().row;
  claim();
  claim();
  ASSERT_TRUE(catalog.fail_upload(put_off, "x", kNow + 60s, {}));
  store.reopen();
  ASSERT_TRUE(store.catalog->reset_uploads());
  EXPECT_EQ(store.catalog->claim_upload(kNow).value()->row, under_way);
  EXPECT_EQ(store.catalog->claim_upload(kNow).value()->row, put_off);
}

TEST_F(UploadQueueTest, TheClipShowsTheKeyOnlyOnceItIsUploaded) {
  const Clip clip = make_clip("front", kNow, 10s);
  ASSERT_TRUE(catalog.finish_clip(clip, {}, std::nullopt));
  EXPECT_EQ(catalog.clip(clip.clip_id)->upload.state, UploadState::none);

  const Upload upload = catalog.add_upload(make_upload(clip)).value();
  EXPECT_EQ(catalog.clip(clip.clip_id)->upload.state, UploadState::pending);
  EXPECT_FALSE(catalog.clip(clip.clip_id)->upload.object_key.has_value());

  claim();
  EXPECT_EQ(catalog.clip(clip.clip_id)->upload.state, UploadState::uploading);
  EXPECT_EQ(catalog.clip(clip.clip_id)->upload.attempts, 1);

  const auto event = make_event("clip.uploaded", "front", Json{{"etag", "e"}}, kNow);
  ASSERT_TRUE(catalog.finish_upload(upload.row, "e", {event}));
  EXPECT_EQ(catalog.clip(clip.clip_id)->upload.state, UploadState::uploaded);
  EXPECT_EQ(catalog.clip(clip.clip_id)->upload.object_key, upload.object_key);
  EXPECT_EQ(store.events("clip.uploaded").size(), 1u);
  EXPECT_EQ(catalog.upload_figures(kNow).value().rows, 0);

  const Upload again = catalog.add_upload(make_upload(clip)).value();
  EXPECT_GT(again.row, upload.row);
  EXPECT_EQ(catalog.clip(clip.clip_id)->upload.state, UploadState::pending);
}

TEST_F(UploadQueueTest, OneWithoutAnotherTryHasFailedForGood) {
  const Clip clip = make_clip("front", kNow, 10s);
  ASSERT_TRUE(catalog.finish_clip(clip, {}, make_upload(clip)));
  const auto claimed = claim();
  const auto event = make_event("clip.upload_failed", "front", Json{{"will_retry", false}}, kNow);
  ASSERT_TRUE(catalog.fail_upload(claimed->row, "no such file", std::nullopt, {event}));
  EXPECT_FALSE(claim(kNow + 1000s).has_value());
  EXPECT_EQ(catalog.clip(clip.clip_id)->upload.state, UploadState::failed);
  EXPECT_EQ(catalog.clip(clip.clip_id)->upload.last_error, "no such file");
  EXPECT_EQ(store.events("clip.upload_failed").size(), 1u);
}

TEST_F(UploadQueueTest, AnUnknownRowIsNotFoundAndSaysNothing) {
  const auto event = make_event("clip.uploaded", "front", Json::object(), kNow);
  const auto finished = catalog.finish_upload(77, "e", {event});
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Code::not_found);
  EXPECT_TRUE(store.events("clip.uploaded").empty());
}

TEST_F(UploadQueueTest, FiguresCountWhatIsNotThereYet) {
  Upload upload = make_upload(make_clip("front", kNow, 10s));
  upload.queued_at = kNow;
  ASSERT_TRUE(catalog.add_upload(upload).has_value());
  upload.queued_at = kNow + 5s;
  ASSERT_TRUE(catalog.add_upload(upload).has_value());
  claim();
  const auto figures = catalog.upload_figures(kNow + 60s).value();
  EXPECT_EQ(figures.rows, 2);
  EXPECT_EQ(figures.bytes, 2 * upload.size_bytes);
  EXPECT_EQ(figures.oldest_s, 60);
}

}  // namespace
}  // namespace vedette::test
