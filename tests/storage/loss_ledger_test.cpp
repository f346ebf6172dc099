#include "storage/loss_ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "core/ids.h"
#include "tests/storage/store.h"
#include "tests/support/fake_clock.h"

namespace vedette::test {
namespace {

struct LossLedgerTest : testing::Test {
  Store store;
  LossLedger& losses = *store.losses;

  static Loss make_loss(microseconds at, microseconds start, microseconds end) {
    Loss loss;
    loss.loss_id = new_id(kNow + at);
    loss.at = kNow + at;
    loss.what = "packets";
    loss.camera_id = "front";
    loss.clip_id = new_id();
    loss.start = kNow + start;
    loss.end = kNow + end;
    loss.packets = 50;
    loss.bytes = 1'000'000;
    loss.reason = "reader_late";
    return loss;
  }
  Loss add(microseconds at, microseconds start, microseconds end) {
    Loss loss = make_loss(at, start, end);
    EXPECT_TRUE(losses.record(loss));
    return loss;
  }
  std::vector<std::string> all_pages(LossQuery query) {
    std::vector<std::string> ids;
    do {
      const auto page = losses.query(query);
      if (!page || ids.size() > 1000) {
        ADD_FAILURE() << "no page";
        return ids;
      }
      EXPECT_LE(page->losses.size(), static_cast<size_t>(query.limit));
      for (const Loss& loss : page->losses) ids.push_back(loss.loss_id);
      query.cursor = page->next_cursor;
    } while (!query.cursor.empty());
    return ids;
  }
};

TEST_F(LossLedgerTest, EveryRowIsOneEventWithTheSameWords) {
  const Loss loss = add(3s, 0s, 2s);
  const auto page = losses.query({});
  ASSERT_TRUE(page.has_value()) << page.error().message;
  ASSERT_EQ(page->losses.size(), 1u);
  const auto events = store.events("loss.recorded");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].data, to_text(to_json(page->losses[0])));
  EXPECT_EQ(events[0].data, to_text(to_json(loss)));
  EXPECT_EQ(events[0].camera_id, "front");
  const Json data = Json::parse(events[0].data);
  EXPECT_EQ(data["packets"], 50);
  EXPECT_EQ(data["reason"], "reader_late");
}

TEST_F(LossLedgerTest, WhatIsNotKnownIsAbsent) {
  const Loss loss{new_id(), kNow, "event", "", "", kNow, kNow, 0, 0, "outbox_full"};
  ASSERT_TRUE(losses.record(loss));
  const Json data = Json::parse(store.events("loss.recorded").at(0).data);
  EXPECT_FALSE(data.contains("clip_id"));
  EXPECT_FALSE(data.contains("camera_id"));
}

TEST_F(LossLedgerTest, WithoutItsEventThereIsNoRow) {
  ASSERT_TRUE(store.database->write(
      [](Database::Access& db) { return db.prepare("ALTER TABLE outbox RENAME TO gone").run(); }));
  EXPECT_FALSE(losses.record(make_loss(0s, 0s, 1s)));
  EXPECT_EQ(losses.count().value(), 0);
}

TEST_F(LossLedgerTest, AQueryGivesWhatOverlapsAndInstantsInside) {
  add(100s, 0s, 10s);
  const Loss across_start = add(101s, 5s, 15s);
  const Loss instant = add(102s, 10s, 10s);
  const Loss across_end = add(103s, 15s, 25s);
  add(104s, 20s, 30s);
  add(105s, 20s, 20s);
  LossQuery query;
  query.from = kNow + 10s;
  query.to = kNow + 20s;
  EXPECT_EQ(all_pages(query), (std::vector{across_end.loss_id, instant.loss_id, across_start.loss_id}));
}

TEST_F(LossLedgerTest, PagesTogetherGiveEveryLossOnceTheNewestFirst) {
  std::minstd_rand random(7);
  std::vector<Loss> added;
  for (int i = 0; i < 53; ++i) added.push_back(add(seconds(random() % 20), seconds(i), seconds(i + 1)));
  std::sort(added.begin(), added.end(),
            [](const Loss& a, const Loss& b) { return std::pair(a.at, a.loss_id) > std::pair(b.at, b.loss_id); });
  std::vector<std::string> expected;
  for (const Loss& loss : added) expected.push_back(loss.loss_id);
  for (const int limit : {1, 7, 52, 53, 200}) {
    LossQuery query;
    query.limit = limit;
    EXPECT_EQ(all_pages(query), expected) << limit;
  }
}

TEST_F(LossLedgerTest, ACursorThatWasNotGivenIsRefused) {
  add(0s, 0s, 1s);
  add(1s, 0s, 1s);
  LossQuery query;
  query.limit = 1;
  const std::string good = losses.query(query)->next_cursor;
  for (const std::string& bad : {std::string("x"), good + "a", "a" + good.substr(1), good.substr(1)}) {
    query.cursor = bad;
    const auto page = losses.query(query);
    ASSERT_FALSE(page.has_value()) << bad;
    EXPECT_EQ(page.error().code, Code::invalid_argument);
  }
}

TEST_F(LossLedgerTest, APageIsReadInTheOrderOfItsIndex) {
  std::string plan;
  const auto status = store.database->read([&](Database::Access& db) {
    auto row = db.prepare(
        "EXPLAIN QUERY PLAN SELECT loss_id, reason FROM loss WHERE (at_us, loss_id) < (9, 'x') AND "
        "max(end_us, start_us + 1) > 3 AND start_us < 8 ORDER BY at_us DESC, loss_id DESC LIMIT 50");
    while (row.step()) plan += row.text(3) + "\n";
    return row.status();
  });
  ASSERT_TRUE(status);
  EXPECT_NE(plan.find("loss_by_time"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << plan;
}

TEST_F(LossLedgerTest, TheOldestGoWhenThereAreTooMany) {
  constexpr int64_t kMost = LossLedger::kMostRows;
  ASSERT_TRUE(store.database->write([](Database::Access& db) {
    return db
        .prepare(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) INSERT INTO loss(loss_id, "
            "at_us, what, camera_id, clip_id, start_us, end_us, packets, bytes, reason) "
            "SELECT 'l' || i, i, 'packets', 'front', '', i, i, 1, 0, 'reader_late' FROM n")
        .bind(1, kMost)
        .run();
  }));
  ASSERT_TRUE(losses.forget_oldest(MonoTime(1s)));
  EXPECT_EQ(losses.count().value(), kMost);
  add(0s, 0s, 1s);
  ASSERT_TRUE(losses.forget_oldest(MonoTime(2s)));
  EXPECT_EQ(losses.count().value(), kMost + 1) << "they are not counted all the time";
  ASSERT_TRUE(losses.forget_oldest(MonoTime(1s) + 10min));
  EXPECT_EQ(losses.count().value(), kMost + 1 - kMost / 100);
  EXPECT_EQ(store.number("SELECT min(at_us) FROM loss"), kMost / 100 + 1);
}

// A link that loses something every second.
struct FrequentLossesTest : testing::Test {
  Store store;
  FakeClock clock{kNow};
  void lose(const std::string& camera = "front") {
    Loss loss;
    loss.what = "packets";
    loss.camera_id = camera;
    loss.start = clock.utc();
    loss.end = clock.utc() + 100ms;
    loss.packets = 2;
    loss.reason = "packets_lost";
    store.losses->note(loss, clock);
  }
  void write() { ASSERT_TRUE(store.losses->write_kept(clock.mono())); }
};

TEST_F(FrequentLossesTest, TheFirstIsARowAtOnce) {
  lose("front");
  lose("back");
  EXPECT_EQ(store.losses->count().value(), 2);
  EXPECT_EQ(store.events("loss.recorded").size(), 2u);
}

TEST_F(FrequentLossesTest, AMinuteOfThemIsOneRowThatSaysAllThatIsMissing) {
  for (int i = 0; i < 180; ++i, clock.advance(1s)) {
    lose();
    write();
  }
  EXPECT_EQ(store.losses->count().value(), 3);
  ASSERT_TRUE(store.losses->write_kept(kNever));
  const auto losses = store.losses->query({})->losses;
  ASSERT_EQ(losses.size(), 4u);
  EXPECT_EQ(store.events("loss.recorded").size(), 4u);
  int64_t packets = 0;
  for (const Loss& loss : losses) {
    packets += loss.packets;
    EXPECT_LE(loss.end - loss.start, 61s);
  }
  EXPECT_EQ(packets, 360);
  EXPECT_EQ(losses.front().end, kNow + 179s + 100ms);
  EXPECT_EQ(losses.back().start, kNow);
}

TEST_F(FrequentLossesTest, WhenTheClockIsSetEachSideIsARowOfItsOwn) {
  lose();
  lose();
  clock.step_utc(24h);
  lose();
  ASSERT_TRUE(store.losses->write_kept(kNever));
  const auto page = store.losses->query({});
  for (const Loss& loss : page->losses) EXPECT_EQ(loss.end - loss.start, 100ms);
  EXPECT_EQ(store.losses->count().value(), 3);
}

TEST_F(FrequentLossesTest, AfterAQuietMinuteTheNextIsARowAtOnceAgain) {
  lose();
  clock.advance(60s);
  write();
  lose();
  EXPECT_EQ(store.losses->count().value(), 2);
}

// A database that takes nothing: its table is not there for a while.
TEST(UnwrittenLossesTest, AreKeptAndWrittenWhenTheyCanBe) {
  Store store;
  const auto rename = [&](const char* sql) {
    ASSERT_TRUE(store.database->write([&](Database::Access& db) { return db.prepare(sql).run(); }));
  };
  rename("ALTER TABLE loss RENAME TO elsewhere");
  for (size_t i = 0; i < LossLedger::kMostUnwritten + 3; ++i) {
    Loss loss;
    loss.what = "packets";
    loss.camera_id = "front";
    loss.reason = "no_space";
    loss.packets = 1;
    loss.start = kNow + i * 10s;
    loss.end = loss.start + 5s;
    store.losses->note(loss, Clock::system());
  }
  EXPECT_FALSE(store.losses->write_kept(MonoTime()));
  rename("ALTER TABLE elsewhere RENAME TO loss");
  ASSERT_TRUE(store.losses->write_kept(MonoTime()));
  ASSERT_TRUE(store.losses->write_kept(MonoTime())) << "there is nothing more, and that is fine";
  EXPECT_EQ(store.losses->count().value(), static_cast<int64_t>(LossLedger::kMostUnwritten));
  EXPECT_EQ(store.number("SELECT sum(packets) FROM loss"), static_cast<int64_t>(LossLedger::kMostUnwritten) + 3);
  EXPECT_EQ(store.number("SELECT max(end_us) FROM loss"),
            (kNow + (LossLedger::kMostUnwritten + 2) * 10s + 5s).time_since_epoch() / 1us);
  EXPECT_EQ(store.events("loss.recorded").size(), LossLedger::kMostUnwritten);
}

}  // namespace
}  // namespace vedette::test
