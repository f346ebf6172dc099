#include "storage/outbox.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "storage/command_log.h"
#include "storage/volume.h"
#include "tests/storage/store.h"
#include "tests/support/process.h"

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

CommandRecord command(const std::string& id, UtcTime at = kNow) {
  return {id, "recording.start", "alice", "B/reply/x", std::string("\0\x01\xff", 3), at, {}};
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

TEST(VolumeTest, TheIdentityIsMadeOnceAndStays) {
  const TempDir dir;
  const Layout layout{dir.path() / "new" / "folder", "edge-01", ""};
  std::string id;
  {
    const auto first = Volume::open(layout);
    ASSERT_TRUE(first.has_value()) << first.error().message;
    id = (*first)->id();
    EXPECT_TRUE(is_uuid(id));
  }
  const auto second = Volume::open(layout);
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_EQ((*second)->id(), id);
  EXPECT_EQ(Json::parse(read_text(layout.volume_file()))["device_id"], "edge-01");
}

TEST(VolumeTest, ASecondProcessIsKeptOut) {
  const TempDir dir;
  const Layout layout{dir.path(), "edge-01", ""};
  const auto first = Volume::open(layout);
  ASSERT_TRUE(first.has_value());
  const auto second = Volume::open(layout);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Code::conflict);
}

TEST(VolumeTest, AFolderThatCannotBeWrittenIsForbiddenWithPathAndRemedy) {
  const Layout read_only{"/sys/kernel", "edge-01", ""};
  const auto other = Volume::open(read_only);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Code::forbidden) << other.error().message;
  EXPECT_NE(other.error().message.find("/sys/kernel"), std::string::npos) << other.error().message;
  EXPECT_NE(other.error().message.find("storage.path"), std::string::npos) << other.error().message;
}

TEST(VolumeTest, NetworkFileSystemsAreNoPlaceForACatalog) {
  EXPECT_STREQ(unfit_file_system(0x6969), "NFS");
  for (const int64_t share : {int64_t{0xff534d42}, int64_t{0xfe534d42}}) EXPECT_NE(unfit_file_system(share), nullptr);
  for (const int64_t local :
       {int64_t{0xef53}, int64_t{0x01021994}, int64_t{0x58465342}, int64_t{0x9123683e}})  // ext4, tmpfs, XFS, Btrfs
    EXPECT_EQ(unfit_file_system(local), nullptr);
}

TEST(OutboxKeepsTest, WhatTheDatabaseDoesNotTakeIsWrittenLater) {
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

TEST(VolumeTest, KnowsWhatIsInItsPlace) {
  const TempDir dir;
  const Layout layout{dir.path() / "disk", "edge-01", ""};
  const auto opened = Volume::open(layout);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  Volume& volume = **opened;
  EXPECT_TRUE(volume.check());
  EXPECT_EQ(volume.look().place, Volume::Place::here);

  std::filesystem::rename(layout.root, dir.path() / "away");
  EXPECT_EQ(volume.check().error().code, Code::forbidden);
  EXPECT_EQ(volume.look().place, Volume::Place::missing);
  {
    const auto other = Volume::open(layout);
    ASSERT_TRUE(other.has_value());
    EXPECT_FALSE(volume.check());
    EXPECT_EQ(volume.look().place, Volume::Place::other);
    EXPECT_EQ(volume.look().found_id, (*other)->id());
  }
  // The same volume, as another file system: a copy has its id, and is not the file that is locked.
  std::filesystem::remove_all(layout.root);
  std::filesystem::copy(dir.path() / "away", layout.root);
  EXPECT_EQ(volume.look().place, Volume::Place::returned);
  EXPECT_FALSE(volume.check());
  ASSERT_TRUE(volume.take_again());
  EXPECT_TRUE(volume.check());
  EXPECT_EQ(Volume::open(layout).error().code, Code::conflict) << "its lock is held";
}

TEST(VolumeTest, AVolumeFileThatIsNoneIsRefused) {
  const TempDir dir;
  const Layout layout{dir.path(), "edge-01", ""};
  write_text(layout.volume_file(), "{\"volume_id\":7}");
  const auto volume = Volume::open(layout);
  ASSERT_FALSE(volume.has_value());
  EXPECT_EQ(volume.error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace vedette::test
