#include "storage/command_log.h"

#include <gtest/gtest.h>

#include "core/ids.h"
#include "tests/storage/store.h"

namespace vedette::test {
namespace {

CommandRecord command(const std::string& id, UtcTime at = kNow) {
  return {id, "recording.start", "alice", "B/reply/x", std::string("\0\x01\xff", 3), at, {}, {}, false, "00-trace"};
}

TEST(CommandLogTest, AnIdIsTakenOnceAlsoAfterARestart) {
  Store store;
  EXPECT_FALSE(CommandLog::open(*store.database, store.layout.command_journal())
                   .value()
                   ->begin(command("a"))
                   .value()
                   .has_value());
  store.reopen();
  const auto opened = CommandLog::open(*store.database, store.layout.command_journal()).value();
  CommandLog& log = *opened;
  CommandRecord other = command("a");
  other.verb = "recording.stop";
  const auto known = log.begin(other).value();
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->verb, "recording.start");
  EXPECT_EQ(known->correlation, std::string("\0\x01\xff", 3));
  EXPECT_EQ(known->received_at, kNow);
  EXPECT_EQ(known->traceparent, "00-trace");
  EXPECT_EQ(known->reply, "");
}

TEST(CommandLogTest, TheStoredReplyComesBackWithTheId) {
  Store store;
  const auto opened = CommandLog::open(*store.database, store.layout.command_journal()).value();
  CommandLog& log = *opened;
  ASSERT_TRUE(log.begin(command("a")).has_value());
  ASSERT_TRUE(log.begin(command("b", kNow - 1s)).has_value());
  ASSERT_TRUE(log.begin(command("c", kNow + 1s)).has_value());
  ASSERT_TRUE(log.finish("a", {R"({"status":"succeeded"})", "succeeded", "ok"}));
  EXPECT_EQ(log.begin(command("a")).value()->reply, R"({"status":"succeeded"})");
  const auto unfinished = log.unfinished().value();
  ASSERT_EQ(unfinished.size(), 2u);
  EXPECT_EQ(unfinished[0].command_id, "b");
  EXPECT_EQ(unfinished[1].command_id, "c");
  EXPECT_EQ(unfinished[1].traceparent, "00-trace");
  EXPECT_EQ(log.finish("unknown", {"{}", "failed", "internal"}).error().code, Code::not_found);
}

TEST(CommandLogTest, AReplyIsUntoldUntilTheBrokerHasIt) {
  Store store;
  {
    const auto opened = CommandLog::open(*store.database, store.layout.command_journal()).value();
    CommandLog& log = *opened;
    for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(log.begin(command(id)).has_value());
    for (const char* id : {"a", "b"}) ASSERT_TRUE(log.finish(id, {"the reply", "succeeded", "ok"}));
    ASSERT_TRUE(log.told({"a"}));
  }
  store.reopen();
  const auto opened = CommandLog::open(*store.database, store.layout.command_journal()).value();
  CommandLog& log = *opened;
  const auto untold = log.untold().value();
  ASSERT_EQ(untold.size(), 1u);
  EXPECT_EQ(untold[0].command_id, "b");
  EXPECT_EQ(untold[0].reply, "the reply");
  EXPECT_EQ(untold[0].reply_topic, "B/reply/x");
  EXPECT_EQ(log.unfinished().value().size(), 1u);
}

TEST(CommandLogTest, AuditTellsTheNewestFirstByEveryFilterAndPageByPage) {
  Store store;
  const auto opened = CommandLog::open(*store.database, store.layout.command_journal()).value();
  CommandLog& log = *opened;
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    CommandRecord one = command(new_id(), kNow + seconds(i));
    one.verb = i % 2 == 0 ? "recording.stop" : "agent.ping";
    one.actor = i < 3 ? "alice" : "bob";
    one.camera_id = i % 2 == 0 ? "front" : "";
    ids.push_back(one.command_id);
    ASSERT_TRUE(log.begin(one).has_value());
    if (i == 0) continue;
    ASSERT_TRUE(log.finish(ids.back(), {"{}", i == 5 ? "rejected" : "succeeded", "ok", "why", i}));
  }
  const auto found = [&](const AuditQuery& query) {
    std::vector<std::string> out;
    const AuditPage page = log.audit(query).value();
    for (const AuditEntry& entry : page.entries) out.push_back(entry.command_id);
    return out;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(found({}), Ids(ids.rbegin(), ids.rend()));
  AuditQuery query;
  query.actor = "alice";
  EXPECT_EQ(found(query), (Ids{ids[2], ids[1], ids[0]}));
  query.verb = "recording.stop";
  EXPECT_EQ(found(query), (Ids{ids[2], ids[0]}));
  query.status = "in_progress";
  EXPECT_EQ(found(query), Ids{ids[0]});
  query = {};
  query.camera_id = "front";
  query.from = kNow + 2s;
  query.to = kNow + 4s;
  EXPECT_EQ(found(query), Ids{ids[2]});
  query = {};
  query.status = "rejected";
  const auto entry = log.audit(query).value().entries.at(0);
  EXPECT_EQ(entry.message, "why");
  EXPECT_EQ(entry.took_ms, 5);
  EXPECT_EQ(entry.received_at, kNow + 5s);

  query = {};
  query.limit = 4;
  const auto first = log.audit(query).value();
  ASSERT_EQ(first.entries.size(), 4u);
  query.cursor = first.next_cursor;
  const auto last = log.audit(query).value();
  EXPECT_EQ(last.next_cursor, "");
  ASSERT_EQ(last.entries.size(), 2u);
  EXPECT_EQ(last.entries[0].command_id, ids[1]);
  query.cursor = "l" + first.next_cursor.substr(1);
  EXPECT_EQ(log.audit(query).error().code, Code::invalid_argument) << "of another query";
}

TEST(CommandLogTest, QuestionsThatAreTooManyGoFirst) {
  Store store;
  const auto opened = CommandLog::open(*store.database, store.layout.command_journal()).value();
  CommandLog& log = *opened;
  for (int i = 0; i < 8; ++i) {
    CommandRecord one = command("id" + std::to_string(i), kNow + seconds(i));
    one.only_asks = i % 2 == 1;
    ASSERT_TRUE(log.begin(one).has_value());
    if (i == 1) continue;
    ASSERT_TRUE(log.finish(one.command_id, {"{}", "succeeded", "ok"}));
  }
  EXPECT_EQ(log.expire(kNow, 6).value(), 2);
  EXPECT_EQ(log.expire(kNow, 6).value(), 0);
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(log.find("id" + std::to_string(i)).value().has_value(), i != 3 && i != 5)
        << i << ": the oldest, but not what runs or changed something";
}

TEST(CommandLogTest, IdsAreKeptForSevenDays) {
  Store store;
  const auto opened = CommandLog::open(*store.database, store.layout.command_journal()).value();
  CommandLog& log = *opened;
  ASSERT_TRUE(log.begin(command("old", kNow - CommandLog::kKept - 1s)).has_value());
  ASSERT_TRUE(log.begin(command("young", kNow - CommandLog::kKept + 1s)).has_value());
  EXPECT_EQ(log.expire(kNow).value(), 1);
  EXPECT_FALSE(log.begin(command("old")).value().has_value());
  EXPECT_TRUE(log.begin(command("young")).value().has_value());
}

TEST(CommandLogTest, WhatAClockThatWasNeverSetHasDatedIsKeptFromTheFirstLookOn) {
  Store store;
  const auto opened = CommandLog::open(*store.database, store.layout.command_journal()).value();
  CommandLog& log = *opened;
  const UtcTime no_battery = kClockWasSet - 24h * 365 * 5;
  ASSERT_TRUE(log.begin(command("a", no_battery)).has_value());
  EXPECT_EQ(log.expire(no_battery + 24h * 30).value(), 0) << "nobody knows how long that was";
  CommandRecord question = command("q", no_battery);
  question.only_asks = true;
  ASSERT_TRUE(log.begin(question).has_value());
  ASSERT_TRUE(log.finish("q", {"the reply", "succeeded", "ok"}));
  EXPECT_EQ(log.expire(no_battery, 1).value(), 1) << "what is too much goes all the same";
  EXPECT_EQ(log.expire(kNow).value(), 0);
  EXPECT_TRUE(log.begin(command("a")).value().has_value());
  EXPECT_EQ(log.expire(kNow + CommandLog::kKept - 1s).value(), 0);
  EXPECT_EQ(log.expire(kNow + CommandLog::kKept + 1s).value(), 1);
}

TEST(CommandLogTest, WhatWasReceivedBeforeTheClockWasSetIsDatedAnew) {
  Store store;
  const auto opened = CommandLog::open(*store.database, store.layout.command_journal()).value();
  CommandLog& log = *opened;
  for (const auto& [id, at] : {std::pair("of the run before", kNow - 2h), std::pair("of this run", kNow - 1h)})
    ASSERT_TRUE(log.begin(command(id, at)).has_value());
  ASSERT_TRUE(log.redate(kNow - 90min, kNow, 24h * 30));
  EXPECT_EQ(log.expire(kNow + 24h * 30).value(), 1);
  EXPECT_EQ(log.find("of this run").value()->received_at, kNow - 1h + 24h * 30);
  EXPECT_FALSE(log.find("of the run before").value());
}

}  // namespace
}  // namespace vedette::test
