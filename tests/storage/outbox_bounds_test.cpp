#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "storage/outbox.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

constexpr int64_t kMuch = 1 << 30;

OutboxEvent event(const std::string& type, UtcTime at = kNow, size_t bytes = 0) {
  OutboxEvent one = make_event(type, "front", Json{{"x", std::string(bytes, 'x')}}, at);
  return one;
}

OutboxLimits rows(int64_t records, int64_t notices) {
  return {{records, kMuch, 0s}, {notices, kMuch, 0s}};
}

std::vector<std::string> waiting(const Outbox& outbox) {
  std::vector<std::string> types;
  const auto events = outbox.next(0, 10'000);
  for (const OutboxEvent& one : *events) types.push_back(one.type);
  return types;
}
using Types = std::vector<std::string>;

// What the figures say is what there is.
void expect_sums_are_right(Store& store) {
  for (const std::string of : {"record", "notice"}) {
    const std::string those = " FROM outbox WHERE class = '" + of + "'";
    const std::string said = " FROM outbox_class WHERE class = '" + of + "'";
    EXPECT_EQ(store.number("SELECT rows" + said), store.number("SELECT count(*)" + those)) << of;
    EXPECT_EQ(store.number("SELECT bytes" + said), store.number("SELECT coalesce(sum(bytes), 0)" + those)) << of;
    EXPECT_EQ(store.number("SELECT refused" + said), store.number("SELECT count(*)" + those + " AND row < 0")) << of;
  }
}

TEST(OutboxBoundsTest, ClassesAreByTypeAndWhatIsUnknownIsARecord) {
  for (const char* type :
       {"camera.up", "camera.stalled", "motion.started", "storage.full", "latency.ok", "clock.stepped"})
    EXPECT_EQ(class_of(type), EventClass::notice) << type;
  for (const char* type : {"clip.ready", "recording.started", "snapshot.ready", "loss.recorded", "config.applied",
                           "agent.started", "outbox.dropped", "volume.wrong", "camera", "what.ever", ""})
    EXPECT_EQ(class_of(type), EventClass::record) << type;
}

TEST(OutboxBoundsTest, AboveItsBoundTheOldestOfAClassGoAndOnlyThey) {
  Store store;
  Outbox outbox(*store.database, rows(3, 2));
  for (const char* type : {"camera.up", "clip.a", "camera.down", "clip.b", "clip.c", "motion.started", "clip.d"})
    ASSERT_TRUE(outbox.add(event(type)));
  EXPECT_EQ(waiting(outbox), (Types{"camera.down", "clip.b", "clip.c", "motion.started", "clip.d"}));
  const auto figures = outbox.figures(kNow + 90s).value();
  EXPECT_EQ(figures.rows, 5);
  EXPECT_EQ(figures.oldest_s, 90);
  EXPECT_EQ(figures.dropped_records, 1u);
  EXPECT_EQ(figures.dropped_notices, 1u);
  expect_sums_are_right(store);
}

TEST(OutboxBoundsTest, BytesAreBoundedToo) {
  Store store;
  OutboxLimits limits = rows(100, 100);
  limits.records.bytes = 5000;
  Outbox outbox(*store.database, limits);
  for (const char* type : {"clip.a", "clip.b", "clip.c", "clip.d"}) ASSERT_TRUE(outbox.add(event(type, kNow, 1500)));
  EXPECT_EQ(waiting(outbox), (Types{"clip.b", "clip.c", "clip.d"}));
  ASSERT_TRUE(outbox.add(event("clip.huge", kNow, 6000)));
  EXPECT_TRUE(waiting(outbox).empty()) << "what alone is above the bound does not stay";
  EXPECT_EQ(outbox.figures(kNow)->bytes, 0);
  expect_sums_are_right(store);
}

TEST(OutboxBoundsTest, AHundredthMoreGoesAtOnce) {
  Store store;
  Outbox outbox(*store.database, rows(1000, 10));
  for (int i = 0; i < 1001; ++i) ASSERT_TRUE(outbox.add(event("clip.ready")));
  EXPECT_EQ(outbox.figures(kNow)->rows, 990);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(outbox.add(event("clip.ready")));
  EXPECT_EQ(outbox.figures(kNow)->rows, 1000) << "not before the bound is reached again";
  EXPECT_EQ(outbox.figures(kNow)->dropped_total(), 11u);
}

TEST(OutboxBoundsTest, WhatWasRefusedCountsAndGoesFirst) {
  Store store;
  Outbox outbox(*store.database, rows(4, 4));
  for (const char* type : {"clip.a", "clip.b", "clip.c", "clip.d"}) ASSERT_TRUE(outbox.add(event(type)));
  const auto all = outbox.next(0, 10).value();
  ASSERT_TRUE(outbox.settle({{all[1].row, 0x87}, {all[2].row, 0x87}}));
  ASSERT_TRUE(outbox.add(event("clip.e")));
  EXPECT_EQ(waiting(outbox), (Types{"clip.a", "clip.d", "clip.e"}));
  EXPECT_EQ(outbox.refused().value(), (std::vector<RefusedEvents>{{"clip.c", 0x87, 1}}));
  expect_sums_are_right(store);
  ASSERT_TRUE(outbox.line_up_again("clip.c", 0x87, 5));
  expect_sums_are_right(store);
}

TEST(OutboxBoundsTest, TheBoundHoldsForRowsOfOthersTransactions) {
  Store store;
  Outbox outbox(*store.database, rows(3, 3));
  const Clip clip = make_clip("front", kNow, 1s);
  ASSERT_TRUE(store.catalog->finish_clip(clip, {event("1"), event("2"), event("3"), event("4")}, std::nullopt));
  EXPECT_EQ(outbox.figures(kNow).value().rows, 3);
  EXPECT_EQ(outbox.figures(kNow).value().dropped_total(), 1u);
  ASSERT_FALSE(store.database->write([](Database::Access& db) -> Status {
    for (const char* type : {"5", "6", "7"})
      if (auto added = Outbox::add(db, event(type)); !added) return added;
    return fail(Code::internal, "never mind");
  }));
  EXPECT_EQ(waiting(outbox), (Types{"2", "3", "4"})) << "what was rolled back dropped nothing";
  EXPECT_EQ(outbox.figures(kNow)->dropped_total(), 1u);
  expect_sums_are_right(store);
}

TEST(OutboxBoundsTest, NarrowerBoundsHoldAtOnce) {
  Store store;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store.outbox->add(event("camera.up")));
  ASSERT_TRUE(store.outbox->add(event("clip.ready")));
  ASSERT_TRUE(store.outbox->set_limits(rows(10, 2)));
  EXPECT_EQ(waiting(*store.outbox), (Types{"camera.up", "camera.up", "clip.ready"}));
  const Outbox outbox(*store.database, rows(10, 1));
  EXPECT_EQ(waiting(outbox), (Types{"camera.up", "clip.ready"})) << "of another start too";
}

TEST(OutboxBoundsTest, WhatIsTooOldGoesUnlessItsClockWasNeverSet) {
  Store store;
  OutboxLimits limits = rows(100, 100);
  limits.notices.age = 3600s;
  Outbox outbox(*store.database, limits);
  ASSERT_TRUE(outbox.add(event("camera.up", UtcTime(60s))));  // 1970
  ASSERT_TRUE(outbox.add(event("camera.down", kNow - 3601s)));
  ASSERT_TRUE(outbox.add(event("clip.ready", kNow - 3601s)));
  ASSERT_TRUE(outbox.add(event("camera.stalled", kNow - 3600s)));
  ASSERT_TRUE(outbox.expire(kNow));
  EXPECT_EQ(waiting(outbox), (Types{"camera.up", "clip.ready", "camera.stalled"}));
  EXPECT_EQ(outbox.figures(kNow)->dropped_notices, 1u);
  limits.records.age = 1s;
  ASSERT_TRUE(outbox.set_limits(limits));
  ASSERT_TRUE(outbox.expire(kNow + 1s));
  EXPECT_EQ(waiting(outbox), Types{"camera.up"});
  expect_sums_are_right(store);
}

TEST(OutboxBoundsTest, WhatWasDroppedIsToldOnceWithTypesAndReasons) {
  Store store;
  OutboxLimits limits = rows(4, 1);
  limits.notices.age = 100s;
  {
    Outbox outbox(*store.database, limits);
    EXPECT_FALSE(outbox.has_dropped().value());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(outbox.add(event("camera.up", kNow + seconds(i))));
    ASSERT_TRUE(outbox.add(event("camera.down", kNow + 3s)));
    EXPECT_TRUE(outbox.has_dropped().value());
  }
  store.reopen();
  Outbox outbox(*store.database, limits);
  EXPECT_EQ(outbox.figures(kNow)->dropped_total(), 3u) << "those count that nobody was told of";
  ASSERT_TRUE(outbox.expire(kNow + 200s));
  ASSERT_TRUE(outbox.tell_dropped(kNow + 200s));
  EXPECT_FALSE(outbox.has_dropped().value());
  const auto told = store.events("outbox.dropped");
  ASSERT_EQ(told.size(), 1u);
  const Json data = Json::parse(told[0].data);
  EXPECT_EQ(data["dropped"], 4);
  EXPECT_EQ(data["dropped_total"], 4);
  EXPECT_EQ(data["from"], to_rfc3339(kNow));
  EXPECT_EQ(data["to"], to_rfc3339(kNow + 3s));
  ASSERT_EQ(data["types"].size(), 2u);
  EXPECT_EQ(data["types"][0]["type"], "camera.down");
  EXPECT_EQ(data["types"][0]["reason"], "outbox_age");
  EXPECT_EQ(data["types"][1]["type"], "camera.up");
  EXPECT_EQ(data["types"][1]["reason"], "outbox_rows");
  EXPECT_EQ(data["types"][1]["class"], "notice");
  EXPECT_EQ(data["types"][1]["dropped"], 3);

  const auto losses = store.losses->query({}).value().losses;
  ASSERT_EQ(losses.size(), 2u);
  for (const Loss& loss : losses) EXPECT_EQ(loss.what, "event");
  EXPECT_EQ(losses[0].packets + losses[1].packets, 4);
  EXPECT_EQ(store.events("loss.recorded").size(), 2u);

  ASSERT_TRUE(outbox.tell_dropped(kNow + 300s));
  EXPECT_EQ(store.events("outbox.dropped").size(), 1u) << "there is nothing more to tell";
}

}  // namespace
}  // namespace vedette::test
