#include "storage/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

struct CatalogTest : testing::Test {
  Store store;
  Catalog& catalog = *store.catalog;

  Clip add(const std::string& camera, microseconds at, microseconds length, std::vector<std::string> labels = {}) {
    Clip clip = make_clip(camera, kNow + at, length);
    clip.labels = std::move(labels);
    EXPECT_TRUE(catalog.finish_clip(clip, {}, std::nullopt));
    return clip;
  }
  std::vector<std::string> ids(const ClipQuery& query) {
    std::vector<std::string> out;
    const auto page = catalog.query(query);
    EXPECT_TRUE(page.has_value()) << page.error().message;
    if (page)
      for (const Clip& clip : page->clips) out.push_back(clip.clip_id);
    return out;
  }
  // All pages, one after the other.
  std::vector<std::string> all_pages(ClipQuery query) {
    std::vector<std::string> out;
    do {
      const auto page = catalog.query(query);
      if (!page || out.size() > 1000) {
        ADD_FAILURE() << "no page";
        return out;
      }
      EXPECT_LE(page->clips.size(), static_cast<size_t>(query.limit));
      for (const Clip& clip : page->clips) out.push_back(clip.clip_id);
      query.cursor = page->next_cursor;
    } while (!query.cursor.empty());
    return out;
  }
};

TEST_F(CatalogTest, AScheduledRecordingKeepsItsPlan) {
  RecordingPlan plan;
  plan.start = kNow + 60s;
  plan.end = kNow + 120s;
  plan.upload = false;
  plan.priority = Priority::low;
  plan.labels = {"night", "a \"b\""};
  plan.command_id = "c";
  ASSERT_TRUE(catalog.add_recording("later", "front", kNow, plan));
  ASSERT_TRUE(catalog.add_recording("now", "front", kNow + 1s));
  ASSERT_TRUE(catalog.add_recording("over", "front", kNow + 2s));
  ASSERT_TRUE(catalog.end_recording("over", {make_event("recording.stopped", "front", {{"a", 1}}, kNow)}));
  store.reopen();
  const auto open = store.catalog->open_recordings().value();
  ASSERT_EQ(open.size(), 2u);
  ASSERT_TRUE(open[0].plan);
  EXPECT_EQ(open[0].recording_id, "later");
  EXPECT_EQ(open[0].plan->start, plan.start);
  EXPECT_EQ(open[0].plan->end, plan.end);
  EXPECT_FALSE(open[0].plan->upload);
  EXPECT_EQ(open[0].plan->priority, Priority::low);
  EXPECT_EQ(open[0].plan->labels, plan.labels);
  EXPECT_EQ(open[0].plan->command_id, "c");
  EXPECT_FALSE(open[1].plan);
  EXPECT_EQ(store.events("recording.stopped").size(), 1u);
}

TEST_F(CatalogTest, ARecordingIdIsUsedOnce) {
  ASSERT_TRUE(catalog.add_recording("r1", "front", kNow));
  const auto again = catalog.add_recording("r1", "back", kNow);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::already_exists);
  ASSERT_TRUE(catalog.end_recording("r1"));
  store.reopen();
  const auto record = store.catalog->recording("r1");
  ASSERT_TRUE(record.has_value() && record->has_value());
  EXPECT_EQ((*record)->camera_id, "front");
  EXPECT_TRUE((*record)->ended);
  EXPECT_FALSE(store.catalog->recording("r2").value().has_value());
}

TEST_F(CatalogTest, AFinishedClipComesBackWhole) {
  Clip clip = make_clip("front", kNow + 123456us, 10s);
  clip.labels = {"b", "a", "b"};
  clip.gaps = {{clip.start + 1s, clip.start + 2s, "reader_late"}};
  clip.recovered = true;
  clip.camera_start = clip.start - 1234567us;
  ASSERT_TRUE(catalog.finish_clip(clip, {}, std::nullopt));
  store.reopen();
  const auto back = store.catalog->clip(clip.clip_id);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(to_text(to_json(*back, kNow)), to_text(to_json(clip, kNow)));
  EXPECT_EQ(back->start, clip.start);
  EXPECT_EQ(back->path, clip.path);
  EXPECT_EQ(back->command_id, clip.command_id);
  EXPECT_EQ(back->boot_id, clip.boot_id);
  EXPECT_EQ(back->mono_start_us, clip.mono_start_us);
  EXPECT_TRUE(back->clock_synced);
  EXPECT_EQ(back->camera_start, clip.camera_start);
}

TEST_F(CatalogTest, AnUnknownClipIsNotFound) {
  const auto clip = catalog.clip(new_id());
  ASSERT_FALSE(clip);
  EXPECT_EQ(clip.error().code, Code::not_found);
}

TEST_F(CatalogTest, AnOpenClipBecomesReadyWithItsEventAndUploadInOneStep) {
  Clip clip = make_clip("front", kNow, 10s);
  clip.state = ClipState::recording;
  clip.end.reset();
  ASSERT_TRUE(catalog.add_clip(clip));
  ASSERT_EQ(catalog.unfinished_clips().value().size(), 1u);
  EXPECT_EQ(catalog.add_clip(clip).error().code, Code::already_exists);

  clip.end = clip.start + 10s;
  const auto event = make_event("clip.ready", "front", clip_event_data(clip), kNow);
  ASSERT_TRUE(catalog.finish_clip(clip, {event}, make_upload(clip)));
  EXPECT_TRUE(catalog.unfinished_clips().value().empty());
  EXPECT_EQ(catalog.clip(clip.clip_id)->state, ClipState::ready);
  EXPECT_EQ(store.events("clip.ready").size(), 1u);
  EXPECT_EQ(catalog.upload_figures(kNow).value().rows, 1);
}

TEST_F(CatalogTest, WhatCannotBeCommittedWholeIsNotCommittedAtAll) {
  const Clip clip = make_clip("front", kNow, 10s);
  const auto event = make_event("clip.ready", "front", clip_event_data(clip), kNow);
  ASSERT_TRUE(store.database->write(
      [](Database::Access& db) { return db.prepare("ALTER TABLE outbox RENAME TO gone").run(); }));
  EXPECT_FALSE(catalog.finish_clip(clip, {event}, make_upload(clip)));
  EXPECT_FALSE(catalog.clip(clip.clip_id).has_value());
  EXPECT_EQ(catalog.upload_figures(kNow).value().rows, 0);
}

TEST_F(CatalogTest, ProtectionGivenWhileRecordingStays) {
  Clip clip = make_clip("front", kNow, 10s);
  ASSERT_TRUE(catalog.add_clip(clip));
  ASSERT_TRUE(
      store.database->write([](Database::Access& db) { return db.prepare("UPDATE clip SET protected=1").run(); }));
  ASSERT_TRUE(catalog.finish_clip(clip, {}, std::nullopt));
  EXPECT_TRUE(catalog.clip(clip.clip_id)->is_protected);
}

TEST_F(CatalogTest, AForgottenClipLeavesNoLabel) {
  Clip clip = make_clip("front", kNow, 1s);
  clip.state = ClipState::recording;
  clip.labels = {"a"};
  ASSERT_TRUE(catalog.add_clip(clip));
  ASSERT_TRUE(catalog.forget_clip(clip.clip_id));
  EXPECT_EQ(store.number("SELECT count(*) FROM clip_label"), 0);
  EXPECT_FALSE(catalog.has_clip(clip.clip_id).value());
}

TEST_F(CatalogTest, AClosedClipIsNotForgotten) {
  const Clip clip = add("front", 0s, 1s);
  ASSERT_TRUE(catalog.forget_clip(clip.clip_id));
  EXPECT_TRUE(catalog.has_clip(clip.clip_id).value());
}

TEST_F(CatalogTest, GapsOfAnOpenClipAreKept) {
  Clip clip = make_clip("front", kNow, 10s);
  clip.state = ClipState::recording;
  ASSERT_TRUE(catalog.add_clip(clip));
  ASSERT_TRUE(catalog.set_gaps(clip.clip_id, {{kNow + 1s, kNow + 2s, "camera_down"}}));
  const auto back = catalog.clip(clip.clip_id);
  ASSERT_EQ(back->gaps.size(), 1u);
  EXPECT_EQ(back->gaps[0].start, kNow + 1s);
  EXPECT_EQ(back->gaps[0].reason, "camera_down");
}

TEST_F(CatalogTest, AQueryGivesTheClipsThatOverlap) {
  const Clip before = add("front", 0s, 10s);
  const Clip across_start = add("front", 5s, 10s);
  const Clip around = add("front", 6s, 60s);
  const Clip inside = add("front", 12s, 5s);
  const Clip across_end = add("front", 15s, 10s);
  const Clip after = add("front", 20s, 10s);
  ClipQuery query;
  query.from = kNow + 10s;
  query.to = kNow + 20s;
  EXPECT_EQ(ids(query), (std::vector{across_start.clip_id, around.clip_id, inside.clip_id, across_end.clip_id}));
  query.newest_first = true;
  EXPECT_EQ(ids(query), (std::vector{across_end.clip_id, inside.clip_id, around.clip_id, across_start.clip_id}));
}

TEST_F(CatalogTest, AClipThatIsBeingRecordedOverlapsAllThatComes) {
  add("front", 20s, 10s);
  Clip open = make_clip("front", kNow, 1s);
  open.state = ClipState::recording;
  open.end.reset();
  ASSERT_TRUE(catalog.add_clip(open));
  ClipQuery query;
  query.from = kNow + 3600s;
  EXPECT_EQ(ids(query), std::vector{open.clip_id});
  query.to = kNow - 1s;
  query.from.reset();
  EXPECT_TRUE(ids(query).empty());
}

TEST_F(CatalogTest, FiltersAreCombined) {
  const Clip one = add("front", 0s, 1s, {"door", "night"});
  const Clip two = add("front", 1s, 1s, {"door"});
  const Clip three = add("back", 2s, 1s, {"door", "night", "person"});
  ClipQuery query;
  query.labels = {"door"};
  EXPECT_EQ(ids(query), (std::vector{one.clip_id, two.clip_id, three.clip_id}));
  query.labels = {"night", "door"};
  EXPECT_EQ(ids(query), (std::vector{one.clip_id, three.clip_id}));
  query.camera_id = "back";
  EXPECT_EQ(ids(query), std::vector{three.clip_id});
  query.labels = {"nobody"};
  EXPECT_TRUE(ids(query).empty());
  query = {};
  query.states = {ClipState::recording};
  EXPECT_TRUE(ids(query).empty());
  query.states = {ClipState::recording, ClipState::ready};
  EXPECT_EQ(ids(query).size(), 3u);
}

TEST_F(CatalogTest, PagesTogetherGiveEveryClipOnceInOrder) {
  std::vector<Clip> clips;
  for (int i = 0; i < 53; ++i) clips.push_back(add(i % 3 ? "front" : "back", seconds(i / 4), 100s, {"a", "b"}));
  std::sort(clips.begin(), clips.end(),
            [](const Clip& a, const Clip& b) { return std::pair(a.start, a.clip_id) < std::pair(b.start, b.clip_id); });
  std::vector<std::string> expected;
  for (const Clip& clip : clips) expected.push_back(clip.clip_id);
  ClipQuery query;
  query.limit = 7;
  EXPECT_EQ(all_pages(query), expected);
  query.labels = {"a", "b"};
  EXPECT_EQ(all_pages(query), expected);
  query.from = kNow + 2s;
  EXPECT_EQ(all_pages(query), expected);
  query.newest_first = true;
  std::reverse(expected.begin(), expected.end());
  EXPECT_EQ(all_pages(query), expected);
  query.limit = 53;
  EXPECT_TRUE(catalog.query(query)->next_cursor.empty());
}

TEST_F(CatalogTest, ClipsThatArriveBetweenPagesShiftNothing) {
  std::vector<std::string> expected;
  for (int i = 0; i < 10; ++i) expected.push_back(add("front", seconds(10 + i), 1s).clip_id);
  ClipQuery query;
  query.limit = 5;
  const auto first = catalog.query(query);
  add("front", 0s, 1s);
  add("front", 12s, 1s);
  query.cursor = first->next_cursor;
  EXPECT_EQ(ids(query), std::vector(expected.begin() + 5, expected.end()));
}

TEST_F(CatalogTest, ACursorThatWasNotGivenIsRefused) {
  for (int i = 0; i < 3; ++i) add("front", seconds(i), 1s);
  ClipQuery query;
  query.limit = 1;
  const std::string good = catalog.query(query)->next_cursor;
  for (const std::string& bad :
       {std::string("x"), good + "a", good.substr(1), "d" + good.substr(1), "A" + good.substr(1),
        std::string("a' OR 1=1 --"), std::string(5000, 'a'), "a-00" + good.substr(4)}) {
    query.cursor = bad;
    const auto page = catalog.query(query);
    ASSERT_FALSE(page.has_value()) << bad;
    EXPECT_EQ(page.error().code, Code::invalid_argument);
  }
}

TEST_F(CatalogTest, ClipsOfARecordingComeInOrder) {
  Clip one = make_clip("front", kNow + 10s, 1s);
  Clip two = make_clip("front", kNow, 1s);
  one.recording_id = two.recording_id = "r";
  ASSERT_TRUE(catalog.finish_clip(one, {}, std::nullopt));
  ASSERT_TRUE(catalog.finish_clip(two, {}, std::nullopt));
  add("front", 0s, 1s);
  EXPECT_EQ(catalog.clips_of_recording("r").value(), (std::vector{two.clip_id, one.clip_id}));
}

// What the plan reads is what it costs with 100000 clips: an index for the place and the order, never the whole table.
TEST_F(CatalogTest, QueriesByTimeLabelAndCameraUseAnIndex) {
  const auto plan = [&](const std::string& sql) {
    std::string text;
    const auto status = store.database->read([&](Database::Access& db) {
      auto row = db.prepare("EXPLAIN QUERY PLAN " + sql);
      while (row.step()) text += row.text(3) + "\n";
      return row.status();
    });
    EXPECT_TRUE(status);
    return text;
  };
  const std::string by_time = plan(
      "SELECT * FROM clip c WHERE true AND c.start_us >= 5 AND (c.end_us IS NULL OR c.end_us > 7) AND c.start_us < 9 "
      "ORDER BY c.start_us, c.clip_id LIMIT 50");
  EXPECT_NE(by_time.find("clip_by_start (start_us>? AND start_us<?)"), std::string::npos) << by_time;
  const std::string bound = plan("SELECT max(end_us - start_us) FROM clip");
  EXPECT_NE(bound.find("clip_by_length"), std::string::npos) << bound;
  const std::string by_label = plan(
      "SELECT * FROM clip_label l CROSS JOIN clip c ON c.clip_id = l.clip_id WHERE true AND l.label = 'a' "
      "AND (l.start_us, l.clip_id) > (1, 'x') ORDER BY l.start_us, l.clip_id LIMIT 50");
  EXPECT_EQ(by_label.find("TEMP B-TREE"), std::string::npos) << by_label;
  EXPECT_EQ(by_label.find("SCAN c"), std::string::npos) << by_label;
}

}  // namespace
}  // namespace vedette::test
