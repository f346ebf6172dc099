#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/storage/upload_queue_fixture.h"

namespace vedette::test {
namespace {

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

TEST_F(UploadQueueTest, EveryonesTurnComesWhenTheOneThatWaitsLongestIsAskedFor) {
  const auto add_at = [&](UtcTime queued_at, Priority priority) {
    Upload upload = make_upload(make_clip("front", kNow, 10s), priority);
    upload.queued_at = queued_at;
    return catalog.add_upload(upload)->row;
  };
  const auto longest = [&](UtcTime now) {
    const auto upload = catalog.claim_upload(now, Catalog::Which::all, Catalog::Turn::longest_wait).value();
    return upload ? upload->row : 0;
  };
  const int64_t old = add_at(kNow - 60s, Priority::low), younger = add_at(kNow - 30s, Priority::normal);
  const int64_t urgent = add_at(kNow - 30s, Priority::high), newest = add_at(kNow + 5s, Priority::high);
  std::vector<int64_t> turns;
  for (UtcTime now = kNow + 10s; turns.size() < 8; now += 60s) {
    turns.push_back(longest(now));
    ASSERT_TRUE(catalog.fail_upload(turns.back(), "x", now + 30s, {}));
  }
  EXPECT_EQ(turns, (std::vector<int64_t>{old, urgent, younger, newest, old, urgent, younger, newest}));
}

TEST_F(UploadQueueTest, AWaitThatAWrongClockHasBegunIsOver) {
  Upload ahead = make_upload(make_clip("front", kNow, 10s));
  ahead.queued_at = kNow + std::chrono::hours(24 * 365);
  const int64_t row = catalog.add_upload(ahead)->row, other = add().row;
  const auto longest = [&] {
    return catalog.claim_upload(kNow + 20s, Catalog::Which::all, Catalog::Turn::longest_wait).value()->row;
  };
  EXPECT_EQ(longest(), row);
  ASSERT_TRUE(catalog.fail_upload(row, "x", kNow + 20s, {}));
  EXPECT_EQ(longest(), other);
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

TEST_F(UploadQueueTest, ManyAreFinishedTogetherAndNothingIsToldOfOneThatIsGone) {
  const Clip clip = make_clip("front", kNow, 10s);
  ASSERT_TRUE(catalog.finish_clip(clip, {}, make_upload(clip)));
  const int64_t first = claim()->row, other = add().row;
  ASSERT_TRUE(catalog.begin_parts(first, "u", 5 << 20));
  std::vector<ProvedUpload> proved;
  for (const int64_t row : {first, int64_t{77}, other})
    proved.push_back(
        {row, "e" + std::to_string(row), {make_event("clip.uploaded", "front", Json{{"row", row}}, kNow)}});
  EXPECT_EQ(catalog.finish_uploads(proved).value(), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(catalog.upload_figures(kNow)->rows, 0);
  EXPECT_EQ(store.number("SELECT count(*) FROM upload WHERE state = 'uploaded' AND etag = 'e' || row"), 2);
  EXPECT_FALSE(catalog.clip(clip.clip_id)->awaits_upload);
  EXPECT_FALSE(*catalog.knows_parts_of("u"));
  const auto events = store.events("clip.uploaded");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(Json::parse(events[0].data)["row"], first);
  EXPECT_EQ(Json::parse(events[1].data)["row"], other);
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

TEST_F(UploadQueueTest, WhatIsSmallAndBelongsToAClipGoesFirst) {
  const auto add_kind = [&](const std::string& kind, Priority priority) {
    Upload upload = make_upload(make_clip("front", kNow, 10s), priority);
    upload.kind = kind;
    return catalog.add_upload(upload).value().row;
  };
  const int64_t clip = add_kind("clip", Priority::normal), high = add_kind("clip", Priority::high);
  const int64_t poster = add_kind("poster", Priority::normal), manifest = add_kind("manifest", Priority::high);
  std::vector<int64_t> claimed;
  while (const auto upload = claim()) claimed.push_back(upload->row);
  EXPECT_EQ(claimed, (std::vector<int64_t>{manifest, poster, high, clip}));
}

// As catalog_uploads.cpp puts it.
TEST_F(UploadQueueTest, TheQueueIsReadByItsIndexes) {
  const auto plan = [&](const std::string& sql) {
    std::string out;
    EXPECT_TRUE(store.database->read([&](Database::Access& db) {
      auto row = db.prepare("EXPLAIN QUERY PLAN " + sql);
      while (row.step()) out += row.text(3) + "\n";
      return row.status();
    }));
    return out;
  };
  const std::string due =
      "state = 'pending' AND (next_try_us <= 1 OR next_try_us > 2) AND row NOT IN (SELECT held.row FROM upload ahead "
      "CROSS JOIN upload held ON held.subject_id = ahead.subject_id AND held.kind = 'clip' WHERE ahead.state = "
      "'uploading' AND ahead.kind IN ('manifest', 'poster'))";
  const std::string claim = plan("SELECT row FROM upload WHERE " + due +
                                 " ORDER BY (kind NOT IN ('manifest', 'poster')), priority, row LIMIT 1");
  const std::string priority = plan("SELECT priority FROM upload WHERE " + due +
                                    " AND (kind NOT IN ('manifest', 'poster')) = 1 ORDER BY priority, row LIMIT 1");
  for (const std::string& found : {claim, priority}) {
    for (const char* index : {"upload_waiting", "ahead USING INDEX upload_under_way", "INDEX upload_by_subject"})
      EXPECT_NE(found.find(index), std::string::npos) << index << ":\n" << found;
    EXPECT_EQ(found.find("TEMP B-TREE"), std::string::npos) << "sorted at each claim: " << found;
    EXPECT_EQ(found.find("CORRELATED"), std::string::npos) << "asked for each row: " << found;
  }
  EXPECT_NE(priority.find("upload_waiting (<expr>=?)"), std::string::npos) << "only its own part: " << priority;
}

TEST_F(UploadQueueTest, OneThatIsGivenBackHasNotFailed) {
  const int64_t row = add().row;
  EXPECT_EQ(claim()->attempts, 1);
  ASSERT_TRUE(catalog.put_back_upload(row));
  const auto again = claim();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->attempts, 1);
  EXPECT_FALSE(again->last_error);
}

TEST_F(UploadQueueTest, SaysHowUrgentIsWhatIsDue) {
  EXPECT_FALSE(*catalog.due_priority(kNow));
  add(Priority::low);
  EXPECT_EQ(*catalog.due_priority(kNow), Priority::low);
  const int64_t high = add(Priority::high).row;
  EXPECT_EQ(*catalog.due_priority(kNow), Priority::high);
  ASSERT_EQ(claim()->row, high);
  ASSERT_TRUE(catalog.fail_upload(high, "x", kNow + 60s, {}));
  EXPECT_EQ(*catalog.due_priority(kNow), Priority::low) << "the other one waits";
  EXPECT_EQ(*catalog.due_priority(kNow + 60s), Priority::high);
}

TEST_F(UploadQueueTest, FiguresTellThePrioritiesApartAndTheLastError) {
  const Upload low = add(Priority::low), one = add(), two = add();
  const auto figures = catalog.upload_figures(kNow + 60s).value();
  ASSERT_EQ(figures.by_priority.size(), 2u);
  EXPECT_EQ(figures.by_priority.at(Priority::low).rows, 1);
  EXPECT_EQ(figures.by_priority.at(Priority::normal).rows, 2);
  EXPECT_EQ(figures.by_priority.at(Priority::normal).bytes, one.size_bytes + two.size_bytes);
  EXPECT_EQ(figures.bytes, low.size_bytes + one.size_bytes + two.size_bytes);
  EXPECT_EQ(figures.last_error, "");
  ASSERT_EQ(claim()->row, one.row);
  ASSERT_TRUE(catalog.fail_upload(one.row, "first", kNow + 10s, {}));
  ASSERT_EQ(claim()->row, two.row);
  ASSERT_TRUE(catalog.fail_upload(two.row, "second", kNow + 11s, {}));
  EXPECT_EQ(catalog.upload_figures(kNow)->last_error, "second");
}

TEST_F(UploadQueueTest, PartsOutliveARestart) {
  const int64_t row = add().row;
  claim();
  ASSERT_TRUE(catalog.begin_parts(row, "u1", 5 << 20));
  ASSERT_TRUE(catalog.add_part(row, {2, "e2", 7}));
  ASSERT_TRUE(catalog.add_part(row, {1, "e1", 7}));
  ASSERT_TRUE(catalog.add_part(row, {1, "e1b", 7}));
  store.reopen();
  ASSERT_TRUE(store.catalog->reset_uploads());
  const auto again = store.catalog->claim_upload(kNow).value();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->upload_id, "u1");
  EXPECT_EQ(again->part_size_bytes, 5 << 20);
  const auto parts = store.catalog->parts(row).value();
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].number, 1);
  EXPECT_EQ(parts[0].etag, "e1b");
  EXPECT_EQ(parts[1].etag, "e2");
  EXPECT_EQ(parts[1].size_bytes, 7);
  EXPECT_TRUE(*store.catalog->knows_parts_of("u1"));
  EXPECT_FALSE(*store.catalog->knows_parts_of("u2"));
  EXPECT_FALSE(*store.catalog->knows_parts_of(""));
}

TEST_F(UploadQueueTest, PartsGoWithTheObjectOrWithTheRow) {
  const int64_t whole = add().row, begun_again = add().row, deleted = add().row;
  for (const int64_t row : {whole, begun_again, deleted}) {
    ASSERT_TRUE(catalog.begin_parts(row, "u" + std::to_string(row), 5 << 20));
    ASSERT_TRUE(catalog.add_part(row, {1, "e", 7}));
  }
  ASSERT_TRUE(catalog.finish_upload(whole, "etag", {}));
  ASSERT_TRUE(catalog.begin_parts(begun_again, "other", 5 << 20));
  EXPECT_EQ(store.number("SELECT count(*) FROM upload_part"), 1);
  ASSERT_TRUE(store.database->write(
      [&](Database::Access& db) { return db.prepare("DELETE FROM upload WHERE row = ?1").bind(1, deleted).run(); }));
  EXPECT_EQ(store.number("SELECT count(*) FROM upload_part"), 0);
  for (const auto& status : {catalog.add_part(deleted, {2, "e", 7}), catalog.begin_parts(deleted, "x", 1),
                             catalog.forget_parts(deleted), catalog.put_back_upload(deleted)}) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::not_found);
  }
  EXPECT_FALSE(*catalog.knows_parts_of("u" + std::to_string(whole))) << "it is done with";
}

}  // namespace
}  // namespace vedette::test
