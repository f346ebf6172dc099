#include "agent/command_intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "tests/support/fake_clock.h"
#include "tests/support/small_disk.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr size_t kCapacity = 4;

// The intake with a real command log, and the main loop's end of the inbox.
class CommandIntakeTest : public testing::Test {
 protected:
  void SetUp() override { open(); }

  void open() {
    intake_.reset();
    log_.reset();
    database_.reset();
    auto database = Database::open(dir_.path() / "vedette.db");
    ASSERT_TRUE(database) << database.error().message;
    database_ = std::move(*database);
    auto log = CommandLog::open(*database_, dir_.path() / "commands.journal");
    ASSERT_TRUE(log) << log.error().message;
    log_ = std::move(*log);
    begin_intake();
  }
  void begin_intake() {
    intake_.emplace("vedette/v1/edge-01", std::vector<std::string>{"vedette/v1/group/north"}, *log_, inbox_, clock_,
                    [this] {
                      ++given_up_;
                      most_pages(100'000);
                      return Status();
                    });
  }

  void send(const std::string& verb, const Json& command, bool retained = false,
            const std::string& prefix = "vedette/v1/edge-01") {
    mqtt::Message message;
    message.topic = prefix + "/command/" + verb;
    message.payload = command.dump();
    intake_->on_message(message, retained);
  }
  void ping(const std::string& id) { send("agent.ping", {{"v", 1}, {"id", id}}); }

  std::optional<Event> next() { return inbox_.pop(MonoTime{}, {}); }
  template <class T>
  std::optional<T> next_as() {
    auto event = next();
    if (!event) return std::nullopt;
    EXPECT_TRUE(std::holds_alternative<T>(*event)) << "event kind " << event->index();
    if (auto* typed = std::get_if<T>(&*event)) return std::move(*typed);
    return std::nullopt;
  }

  // The catalog may not grow beyond that: as on a full disk.
  void most_pages(int pages) {
    ASSERT_TRUE(database_->read([&](Database::Access& db) {
      auto limit = db.prepare("PRAGMA max_page_count=" + std::to_string(pages));
      (void)limit.step();
      return limit.status();
    }));
  }
  // Larger than a ping: with no room for one of those, there is none for it.
  void send_large(const std::string& verb, const std::string& id, const Json& params) {
    send(verb, {{"v", 1}, {"id", id}, {"actor", std::string(128, 'a')}, {"params", params}});
  }

  int given_up_ = 0;
  test::TempDir dir_;
  test::FakeClock clock_;
  Inbox<Event> inbox_{kCapacity};
  std::unique_ptr<Database> database_;
  std::unique_ptr<CommandLog> log_;
  std::optional<CommandIntake> intake_;
};

TEST_F(CommandIntakeTest, SubscribesToOwnAndGroupCommandsAndTheDesiredConfiguration) {
  EXPECT_THAT(intake_->subscriptions(),
              ElementsAre(Pair("vedette/v1/edge-01/command/+", 1), Pair("vedette/v1/group/north/command/+", 1),
                          Pair("vedette/v1/edge-01/config/desired", 1)));
}

TEST_F(CommandIntakeTest, OnlyTheNewestDesiredConfigurationWaits) {
  mqtt::Message message;
  message.topic = "vedette/v1/edge-01/config/desired";
  for (const char* payload : {"first", "second", ""}) {
    message.payload = payload;
    intake_->on_message(message, true);
  }
  EXPECT_TRUE(next_as<DesiredWaiting>());
  EXPECT_FALSE(next()) << "told of once";
  EXPECT_EQ(intake_->take_desired(), "second") << "an empty one only clears what is retained";
  EXPECT_FALSE(intake_->take_desired());
}

TEST_F(CommandIntakeTest, CommandIsInTheLogBeforeTheMainLoopHasIt) {
  const std::string id = new_id();
  send("recording.list", {{"v", 1}, {"id", id}, {"actor", "alice"}, {"reply_to", "web"}});
  const auto unfinished = log_->unfinished();
  ASSERT_TRUE(unfinished);
  ASSERT_EQ(unfinished->size(), 1u);
  EXPECT_EQ(unfinished->front().command_id, id);
  EXPECT_EQ(unfinished->front().verb, "recording.list");
  EXPECT_EQ(unfinished->front().actor, "alice");
  EXPECT_EQ(unfinished->front().reply_topic, "vedette/v1/edge-01/reply/web");
  EXPECT_EQ(unfinished->front().received_at, clock_.utc());
  const auto arrived = next_as<CommandArrived>();
  ASSERT_TRUE(arrived);
  EXPECT_EQ(arrived->command.reply_to.command_id, id);
}

TEST_F(CommandIntakeTest, GroupCommandIsAnsweredBelowTheDevice) {
  send("agent.ping", {{"v", 1}, {"id", new_id()}}, false, "vedette/v1/group/north");
  EXPECT_EQ(next_as<CommandArrived>()->command.reply_to.topic, "vedette/v1/edge-01/reply/default");
}

TEST_F(CommandIntakeTest, OtherTopicsAreNoCommands) {
  send("agent.ping", {{"v", 1}, {"id", new_id()}}, false, "vedette/v1/group/south");
  mqtt::Message message;
  message.topic = "vedette/v1/edge-01/command/";
  intake_->on_message(message, false);
  EXPECT_FALSE(next());
}

TEST_F(CommandIntakeTest, SameIdWhileRunningIsARepetitionWithoutReply) {
  const std::string id = new_id();
  ping(id);
  ping(id);
  EXPECT_TRUE(next_as<CommandArrived>());
  const auto repeated = next_as<CommandRepeated>();
  ASSERT_TRUE(repeated);
  EXPECT_EQ(repeated->reply_to.command_id, id);
  EXPECT_EQ(repeated->reply, "");
}

TEST_F(CommandIntakeTest, SameIdAfterwardsBringsTheStoredReplyAlsoAfterARestart) {
  const std::string id = new_id();
  ping(id);
  EXPECT_TRUE(next_as<CommandArrived>());
  ASSERT_TRUE(log_->finish(id, {"the reply", "succeeded", "ok"}));
  ping(id);
  EXPECT_EQ(next_as<CommandRepeated>()->reply, "the reply");
  open();
  ping(id);
  EXPECT_EQ(next_as<CommandRepeated>()->reply, "the reply");
  EXPECT_FALSE(next());
}

TEST_F(CommandIntakeTest, SameIdIsARepetitionAlsoWhenItHasExpiredMeanwhile) {
  const Json command = {{"v", 1}, {"id", new_id()}, {"expires_at", to_rfc3339(clock_.utc() + 2s)}};
  send("agent.ping", command);
  EXPECT_TRUE(next_as<CommandArrived>());
  clock_.advance(3s);
  send("agent.ping", command);
  EXPECT_EQ(next_as<CommandRepeated>()->reply, "") << "it runs";
  ASSERT_TRUE(log_->finish(command.at("id"), {"the reply", "succeeded", "ok"}));
  send("agent.ping", command);
  EXPECT_EQ(next_as<CommandRepeated>()->reply, "the reply");
  Json late = command;
  late["id"] = new_id();
  send("agent.ping", late);
  EXPECT_EQ(next_as<CommandRefused>()->refusal.status, "expired");
}

TEST_F(CommandIntakeTest, SameIdIsTheSameCommandWhateverElseItSays) {
  const std::string id = new_id();
  ping(id);
  send("recording.start", {{"v", 1}, {"id", id}, {"params", {{"camera_id", "front"}}}});
  send("no.such.verb", {{"v", 1}, {"id", id}});
  EXPECT_TRUE(next_as<CommandArrived>());
  EXPECT_TRUE(next_as<CommandRepeated>());
  EXPECT_TRUE(next_as<CommandRepeated>());
}

TEST_F(CommandIntakeTest, RepetitionIsAnsweredToWhoeverAsksAgain) {
  const std::string id = new_id();
  ping(id);
  send("agent.ping", {{"v", 1}, {"id", id}, {"reply_to", "other"}});
  EXPECT_TRUE(next_as<CommandArrived>());
  EXPECT_EQ(next_as<CommandRepeated>()->reply_to.topic, "vedette/v1/edge-01/reply/other");
}

TEST_F(CommandIntakeTest, IdIsForgottenAfterAWeek) {
  const std::string id = new_id();
  ping(id);
  EXPECT_TRUE(next_as<CommandArrived>());
  clock_.advance(CommandLog::kKept + 1h);
  ASSERT_EQ(log_->expire(clock_.utc()), 1);
  ping(id);
  EXPECT_TRUE(next_as<CommandArrived>());
}

TEST_F(CommandIntakeTest, WrongCommandIsRefusedAndItsIdKept) {
  const std::string id = new_id();
  send("recording.start", {{"v", 1}, {"id", id}, {"params", Json::object()}});
  const auto refused = next_as<CommandRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->refusal.error.code, Code::invalid_argument);
  EXPECT_TRUE(refused->refusal.known);
  EXPECT_EQ(log_->unfinished()->size(), 1u) << "the main loop stores the reply";
}

TEST_F(CommandIntakeTest, RetainedAndExpiredCommandsLeaveNoTrace) {
  const std::string id = new_id();
  send("agent.ping", {{"v", 1}, {"id", id}}, true);
  EXPECT_EQ(next_as<CommandRefused>()->refusal.error.code, Code::retained_not_allowed);
  send("agent.ping", {{"v", 1}, {"id", id}, {"expires_at", to_rfc3339(clock_.utc() - 1ms)}});
  EXPECT_EQ(next_as<CommandRefused>()->refusal.status, "expired");
  EXPECT_TRUE(log_->unfinished()->empty());
  ping(id);
  EXPECT_TRUE(next_as<CommandArrived>()) << "in good order it is run";
}

TEST_F(CommandIntakeTest, ClearedRetainedMessageIsNothing) {
  mqtt::Message message;
  message.topic = "vedette/v1/edge-01/command/agent.ping";
  intake_->on_message(message, true);
  EXPECT_FALSE(next());
}

TEST_F(CommandIntakeTest, BusyWhenTheInboxIsFull) {
  for (size_t i = 0; i < kCapacity; ++i) ping(new_id());
  const std::string late = new_id();
  ping(late);
  for (size_t i = 0; i < kCapacity; ++i) EXPECT_TRUE(next_as<CommandArrived>());
  const auto refused = next_as<CommandRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->reply_to.command_id, late);
  EXPECT_EQ(refused->refusal.error.code, Code::busy);
  ping(new_id());
  EXPECT_TRUE(next_as<CommandArrived>()) << "afterwards there is room again";
}

TEST_F(CommandIntakeTest, AnonymousRepliesComeOnceASecondAtMost) {
  for (int i = 0; i < 50; ++i) send("agent.ping", {{"v", 1}});
  EXPECT_EQ(next_as<CommandRefused>()->reply_to.command_id, "");
  EXPECT_FALSE(next());
  clock_.advance(999ms);
  send("agent.ping", "no object");
  EXPECT_FALSE(next());
  clock_.advance(1ms);
  send("agent.ping", "no object");
  EXPECT_TRUE(next_as<CommandRefused>());
  ping(new_id());
  EXPECT_TRUE(next_as<CommandArrived>()) << "others do not wait for that";
}

TEST_F(CommandIntakeTest, CommandThatCannotBeLoggedIsNotRun) {
  ASSERT_TRUE(database_->write([](Database::Access& db) { return db.prepare("DROP TABLE command").run(); }));
  send("camera.restart", {{"v", 1}, {"id", new_id()}, {"params", {{"camera_id", "front"}}}});
  const auto refused = next_as<CommandRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->refusal.error.code, Code::internal);
  EXPECT_FALSE(refused->refusal.known);
}

TEST_F(CommandIntakeTest, AQuestionOutlivesAKillFromItsAcknowledgementOn) {
  const std::string id = new_id();
  ping(id);
  CommandJournal later(dir_.path() / "commands.journal");
  ASSERT_TRUE(later.open());
  EXPECT_TRUE(later.find(id));
}

TEST_F(CommandIntakeTest, OnAFullDiskAQuestionIsTakenLoggedOrNot) {
  if (const auto why = test::SmallDisk::not_possible(); !why.empty()) GTEST_SKIP() << why;
  const test::SmallDisk disk(dir_.path() / "disk", 64);
  auto log = CommandLog::open(*database_, dir_.path() / "disk" / "commands.journal");
  ASSERT_TRUE(log) << log.error().message;
  log_ = std::move(*log);
  begin_intake();
  disk.fill();
  const std::string id = new_id();
  ping(id);
  EXPECT_TRUE(next_as<CommandArrived>());
  EXPECT_FALSE(log_->find(id).value());
  disk.make_room();
  ping(id);
  EXPECT_TRUE(next_as<CommandArrived>());
  EXPECT_TRUE(log_->find(id).value());
}

TEST_F(CommandIntakeTest, OnAFullDiskTheReserveIsForWhatMakesRoom) {
  const std::string clip = new_id(), removal = new_id();
  most_pages(1);  // as few as there are
  bool full = false;
  for (int i = 0; i < 10'000 && !full; ++i)
    full = !log_->begin({new_id(), "agent.ping", {}, {}, {}, clock_.utc(), {}}).has_value();
  ASSERT_TRUE(full);
  send_large("clip.protect", new_id(), {{"clip_id", clip}, {"protected", true}});
  const auto refused = next_as<CommandRefused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->refusal.error.code, Code::no_space);
  EXPECT_EQ(given_up_, 0);

  send_large("clip.query", new_id(), Json::object());
  EXPECT_TRUE(next_as<CommandArrived>()) << "a question does no harm";
  EXPECT_EQ(given_up_, 0);

  send_large("clip.delete", new_id(), {{"clip_ids", Json::array()}});
  ASSERT_TRUE(next_as<CommandRefused>()) << "that makes no room";
  EXPECT_EQ(given_up_, 0);

  send_large("clip.delete", removal, {{"clip_ids", {clip}}});
  EXPECT_TRUE(next_as<CommandArrived>());
  EXPECT_EQ(given_up_, 1);
  EXPECT_TRUE(log_->find(removal).value());
  send_large("clip.delete", removal, {{"clip_ids", {clip}}});
  EXPECT_TRUE(next_as<CommandRepeated>()) << "never a second run";
}

TEST_F(CommandIntakeTest, MoreThanTheRateIsRefusedAndLeavesNoTrace) {
  for (int i = 0; i < 50; ++i) {
    ping(new_id());
    EXPECT_TRUE(next_as<CommandArrived>()) << i;
  }
  const std::string id = new_id();
  ping(id);
  EXPECT_EQ(next_as<CommandRefused>()->refusal.error.code, Code::rate_limited);
  clock_.advance(50ms - 1us);
  ping(id);
  EXPECT_EQ(next_as<CommandRefused>()->refusal.error.code, Code::rate_limited);
  clock_.advance(1us);
  ping(id);
  EXPECT_TRUE(next_as<CommandArrived>()) << "the same id may come again";
  ASSERT_TRUE(log_->finish(id, {"the reply", "succeeded", "ok"}));
  ping(id);
  EXPECT_FALSE(next()) << "what has its reply gets no other one";
}

TEST_F(CommandIntakeTest, AFloodInAGroupLeavesRoomForTheDevice) {
  const auto group = [&] { send("agent.ping", {{"v", 1}, {"id", new_id()}}, false, "vedette/v1/group/north"); };
  for (int i = 0; i < 25; ++i) {
    group();
    EXPECT_TRUE(next_as<CommandArrived>()) << i;
  }
  for (int i = 0; i < 100; ++i) {
    group();
    EXPECT_EQ(next_as<CommandRefused>()->refusal.error.code, Code::rate_limited);
  }
  for (int i = 0; i < 25; ++i) {
    ping(new_id());
    EXPECT_TRUE(next_as<CommandArrived>()) << i;
  }
}

TEST_F(CommandIntakeTest, WhatStopsGetsInWhenNothingElseDoesAndIsTakenAhead) {
  for (size_t i = 0; i < kCapacity; ++i) ping(new_id());
  ping(new_id());  // busy: pushed behind them
  const std::string stop = new_id();
  send("recording.stop", {{"v", 1}, {"id", stop}, {"params", {{"camera_id", "front"}}}});
  EXPECT_EQ(next_as<CommandArrived>()->command.reply_to.command_id, stop);
  while (next()) {
  }
  for (int i = 0; i < 100; ++i) {
    ping(new_id());
    (void)next();
  }
  send("recording.stop", {{"v", 1}, {"id", new_id()}, {"params", {{"camera_id", "front"}}}});
  EXPECT_TRUE(next_as<CommandArrived>()) << "it has a rate of its own";
}

TEST_F(CommandIntakeTest, AStopDoesNotOvertakeTheStartThatItIsAbout) {
  const auto start = [&](const char* camera) {
    send("recording.start", {{"v", 1}, {"id", new_id()}, {"params", {{"camera_id", camera}}}});
  };
  start("front");
  start("back");
  send("recording.stop", {{"v", 1}, {"id", new_id()}, {"params", {{"camera_id", "front"}}}});
  EXPECT_EQ(next_as<CommandArrived>()->command.reply_to.camera_id, "front");
  EXPECT_EQ(next_as<CommandArrived>()->command.reply_to.verb, "recording.stop");
  EXPECT_EQ(next_as<CommandArrived>()->command.reply_to.camera_id, "back");
  const std::string clip = new_id();
  send("clip.protect", {{"v", 1}, {"id", new_id()}, {"params", {{"clip_id", clip}, {"protected", true}}}});
  send("clip.delete", {{"v", 1}, {"id", new_id()}, {"params", {{"clip_ids", {clip}}}}});
  EXPECT_EQ(next_as<CommandArrived>()->command.reply_to.verb, "clip.protect");
}

}  // namespace
}  // namespace vedette
