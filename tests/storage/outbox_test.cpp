#include "storage/outbox.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

OutboxEvent event(const std::string& type) {
  return make_event(type, "front", Json{{"n", 1}}, kNow);
}

Status take(Outbox& outbox, const std::vector<OutboxEvent>& events) {
  std::vector<Outbox::Outcome> outcomes;
  for (const OutboxEvent& one : events) outcomes.push_back({one.row});
  return outbox.settle(outcomes);
}

std::vector<std::string> types(const std::vector<OutboxEvent>& events) {
  std::vector<std::string> out;
  for (const OutboxEvent& one : events) out.push_back(one.type);
  return out;
}
using Types = std::vector<std::string>;

TEST(OutboxTest, GivesEventsInOrderUntilTheyAreTaken) {
  Store store;
  for (const char* type : {"a", "b", "c", "d"}) ASSERT_TRUE(store.outbox->add(event(type)));
  auto events = store.outbox->next(0, 2).value();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].type, "a");
  EXPECT_TRUE(is_uuid(events[0].id));
  EXPECT_EQ(events[0].at, kNow);
  EXPECT_EQ(events[0].data, R"({"n":1})");
  const auto rest = store.outbox->next(events[1].row, 10).value();
  EXPECT_EQ(types(rest), (Types{"c", "d"}));
  ASSERT_TRUE(take(*store.outbox, {events[0], rest[1]}));

  store.reopen();
  const auto again = store.outbox->next(0, 10).value();
  EXPECT_EQ(types(again), (Types{"b", "c"}));
  EXPECT_EQ(again[0].id, events[1].id);
}

TEST(OutboxTest, ARowNumberIsNeverUsedTwice) {
  Store store;
  ASSERT_TRUE(store.outbox->add(event("a")));
  const auto first = store.outbox->next(0, 1).value();
  ASSERT_TRUE(take(*store.outbox, first));
  store.reopen();
  ASSERT_TRUE(store.outbox->add(event("b")));
  EXPECT_GT(store.outbox->next(0, 1).value()[0].row, first[0].row);
}

TEST(OutboxTest, WhatTheBrokerRefusedIsPutAsideAndLinesUpAgainBehindTheOthers) {
  Store store;
  Outbox& outbox = *store.outbox;
  for (const char* type : {"a", "b", "a", "c"}) ASSERT_TRUE(outbox.add(event(type)));
  const auto all = outbox.next(0, 10).value();
  ASSERT_TRUE(outbox.settle({{all[0].row, 0x87}, {all[1].row, 0x95}, {all[2].row, 0x87}}));
  EXPECT_EQ(types(outbox.next(0, 10).value()), Types{"c"});
  EXPECT_EQ(outbox.refused().value(), (std::vector<RefusedEvents>{{"a", 0x87, 2}, {"b", 0x95, 1}}));
  auto figures = outbox.figures(kNow).value();
  EXPECT_EQ(figures.rows, 1);
  EXPECT_EQ(figures.refused, 3);

  store.reopen();
  Outbox& later = *store.outbox;
  const auto oldest = later.oldest_refused().value();
  ASSERT_EQ(oldest.size(), 2u);
  EXPECT_EQ(oldest[1].id, all[0].id) << "in the order of rows, which are negative";
  EXPECT_EQ(oldest[1].refused, 0x87);
  ASSERT_TRUE(later.settle({{oldest[1].row, 0x97}}));
  EXPECT_EQ(later.refused().value(), (std::vector<RefusedEvents>{{"a", 0x87, 1}, {"a", 0x97, 1}, {"b", 0x95, 1}}));
  ASSERT_TRUE(later.add(event("d")));
  EXPECT_EQ(later.line_up_again("a", 0x87, 10).value(), 1);
  EXPECT_EQ(later.line_up_again("a", 0x87, 10).value(), 0);
  const auto waiting = later.next(0, 10).value();
  EXPECT_EQ(types(waiting), (Types{"c", "d", "a"}));
  EXPECT_EQ(waiting[2].id, all[2].id);
  EXPECT_EQ(waiting[2].at, all[2].at);
  EXPECT_EQ(waiting[2].refused, 0);
  figures = later.figures(kNow).value();
  EXPECT_EQ(figures.rows, 3);
  EXPECT_EQ(figures.refused, 2);
}

TEST(OutboxTest, WhatTheDatabaseDoesNotTakeIsWrittenLater) {
  Store store;
  const auto rename = [&](const char* sql) {
    ASSERT_TRUE(store.database->write([&](Database::Access& db) { return db.prepare(sql).run(); }));
  };
  rename("ALTER TABLE outbox RENAME TO elsewhere");
  store.outbox->note(make_event("camera.up", "front", Json::object(), kNow));
  store.outbox->note(make_event("camera.down", "front", Json::object(), kNow));
  EXPECT_FALSE(store.outbox->write_kept());
  rename("ALTER TABLE elsewhere RENAME TO outbox");
  ASSERT_TRUE(store.outbox->write_kept());
  const auto events = store.outbox->next(0, 10).value();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].type, "camera.up");
  EXPECT_EQ(events[1].type, "camera.down");
}

}  // namespace
}  // namespace vedette::test
