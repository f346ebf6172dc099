#include "agent/outbox_drain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>

#include "storage/database.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

constexpr int kTaken = 0;
constexpr int kNotAuthorized = 0x87;

// The drain with a real outbox; the broker is what the test says.
class OutboxDrainTest : public testing::Test {
 protected:
  OutboxDrainTest() {
    database_ = std::move(*Database::open(dir_.path() / "vedette.db"));
    // A connection of its own sees that something was committed.
    other_ = std::move(*Database::open(dir_.path() / "vedette.db"));
    outbox_.emplace(*database_);
    begin();
  }
  void begin() {
    drain_.emplace(
        *outbox_,
        [this](const OutboxEvent& event, uint64_t token) {
          if (!has_room_) return false;
          sent_.push_back({event.id, event.type, token});
          return true;
        },
        clock_);
  }

  struct Sent {
    std::string id;
    std::string type;
    uint64_t token;
  };

  std::vector<std::string> add(int count, const std::string& type = "clip.ready") {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) {
      const auto event = make_event(type, "front", {{"number", i}}, clock_.utc());
      EXPECT_TRUE(outbox_->add(event));
      ids.push_back(event.id);
    }
    return ids;
  }
  void connect() {
    drain_->on_connected();
    drain_->pump();
  }
  void disconnect() { drain_->on_disconnected(); }
  // The broker's answers to what was sent since the last time; what `refuses` names it does not take.
  void answer(const std::string& refuses = {}) {
    while (answered_ < sent_.size()) {
      const Sent sent = sent_[answered_++];
      EXPECT_TRUE(drain_->on_published(sent.token, sent.type == refuses ? kNotAuthorized : kTaken));
      drain_->pump();
    }
  }
  // Time goes on as the main loop makes it, in which everything is answered at once.
  void pass(milliseconds time, const std::string& refuses = {}) {
    for (milliseconds passed{0}; passed < time; passed += 10ms) {
      clock_.advance(10ms);
      if (clock_.mono() >= drain_->due()) drain_->pump();
      answer(refuses);
    }
  }
  std::vector<std::string> sent_ids() const {
    std::vector<std::string> ids;
    for (const Sent& sent : sent_) ids.push_back(sent.id);
    return ids;
  }
  OutboxFigures figures() { return *outbox_->figures(clock_.utc()); }
  int64_t commits_seen() {
    int64_t version = 0;
    EXPECT_TRUE(other_->read([&](Database::Access& db) {
      auto row = db.prepare("PRAGMA data_version");
      if (row.step()) version = row.integer(0);
      return row.status();
    }));
    return version;
  }
  void execute(const char* sql) {
    ASSERT_TRUE(database_->write([&](Database::Access& db) { return db.prepare(sql).run(); }));
  }

  test::TempDir dir_;
  test::FakeClock clock_;
  std::unique_ptr<Database> database_, other_;
  std::optional<Outbox> outbox_;
  std::optional<OutboxDrain> drain_;
  bool has_room_ = true;
  std::vector<Sent> sent_;
  size_t answered_ = 0;
};

TEST_F(OutboxDrainTest, GoesInOrderAtTheRateThatIsAllowed) {
  const auto ids = add(500);
  drain_->set_rate(100);
  connect();
  answer();
  EXPECT_EQ(sent_.size(), 25u) << "a quarter of a second's worth at once";
  for (int second = 1; second <= 4; ++second) {
    pass(1s);
    EXPECT_LE(sent_.size(), 25u + static_cast<size_t>(second) * 100);
    EXPECT_GE(sent_.size(), 20u + static_cast<size_t>(second) * 100) << "nor much less";
  }
  pass(1s);
  EXPECT_EQ(sent_ids(), ids);
  EXPECT_EQ(figures().rows, 0);
  EXPECT_TRUE(drain_->drained());
  EXPECT_EQ(drain_->due(), MonoTime::max()) << "nothing wakes the main loop";
}

TEST_F(OutboxDrainTest, AnEventThatComesWhileNothingWaitsGoesAndIsRemovedAtOnce) {
  connect();
  EXPECT_TRUE(drain_->drained());
  add(1);
  drain_->pump();
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_FALSE(drain_->drained());
  answer();
  EXPECT_EQ(figures().rows, 0);
  EXPECT_TRUE(drain_->drained());
}

// The loop pumps after each command and acknowledgement: it must neither wait for a commit then, nor ask in vain.
TEST_F(OutboxDrainTest, WhereNothingIsNewTheDatabaseIsNotAsked) {
  connect();
  add(1);
  drain_->pump();
  answer();
  drain_->pump();  // since the commit of its own
  std::promise<void> held;
  std::promise<void> release;
  auto writing = std::async(std::launch::async, [&] {
    return database_->write([&](Database::Access& db) {
      held.set_value();
      release.get_future().wait();
      return Outbox::add(db, make_event("clip.ready", "front", {}, clock_.utc()));
    });
  });
  held.get_future().wait();
  auto pumping = std::async(std::launch::async, [&] { drain_->pump(); });
  EXPECT_EQ(pumping.wait_for(10s), std::future_status::ready);
  release.set_value();
  EXPECT_TRUE(writing.get());
  pumping.get();
  drain_->pump();
  EXPECT_EQ(sent_.size(), 2U);
}

TEST_F(OutboxDrainTest, ManyAcknowledgementsAreOneCommit) {
  add(1000);
  drain_->set_rate(10'000);
  connect();
  int commits = 0;
  int64_t version = commits_seen();
  while (answered_ < sent_.size()) {
    EXPECT_TRUE(drain_->on_published(sent_[answered_++].token, kTaken));
    drain_->pump();
    if (commits_seen() == version) continue;
    version = commits_seen();
    ++commits;
  }
  EXPECT_EQ(sent_.size(), 1000u);
  EXPECT_EQ(figures().rows, 0);
  EXPECT_LE(commits, 1000 / 64 + 1);
}

TEST_F(OutboxDrainTest, AcknowledgementsDoNotWaitLongForTheirCommit) {
  add(100);
  connect();
  for (; answered_ < 10; ++answered_) EXPECT_TRUE(drain_->on_published(sent_[answered_].token, kTaken));
  drain_->pump();
  EXPECT_EQ(figures().rows, 100);
  EXPECT_LE(drain_->due(), clock_.mono() + 100ms);
  clock_.advance(100ms);
  drain_->pump();
  EXPECT_EQ(figures().rows, 90);
  EXPECT_FALSE(drain_->on_published(sent_[0].token, kTaken)) << "that was answered";
}

TEST_F(OutboxDrainTest, WhatAKillLeavesUnsettledComesAgainWithTheSameIds) {
  const auto ids = add(40);
  connect();
  for (; answered_ < 10; ++answered_) EXPECT_TRUE(drain_->on_published(sent_[answered_].token, kTaken));
  sent_.clear();
  answered_ = 0;
  begin();  // the process was killed and began again
  connect();
  pass(1s);
  EXPECT_EQ(sent_ids(), ids);
  EXPECT_EQ(figures().rows, 0);
}

TEST_F(OutboxDrainTest, WhatTheBrokerTookIsNotSentAgainWhenItCannotBeRemoved) {
  const auto ids = add(20);
  execute("CREATE TRIGGER no_removal BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END");
  connect();
  for (; answered_ < 5; ++answered_) EXPECT_TRUE(drain_->on_published(sent_[answered_].token, kTaken));
  disconnect();
  EXPECT_EQ(figures().rows, 20);
  sent_.clear();
  answered_ = 0;
  connect();
  EXPECT_EQ(sent_ids(), std::vector<std::string>(ids.begin() + 5, ids.end()));
  answer();
  EXPECT_FALSE(drain_->drained());
  execute("DROP TRIGGER no_removal");
  pass(2s);
  EXPECT_EQ(figures().rows, 0);
  EXPECT_TRUE(drain_->drained());
}

TEST_F(OutboxDrainTest, WhatFindsNoRoomWaits) {
  add(3);
  has_room_ = false;
  connect();
  EXPECT_TRUE(sent_.empty());
  has_room_ = true;
  drain_->pump();
  EXPECT_EQ(sent_.size(), 3u);
}

TEST_F(OutboxDrainTest, WhatIsRefusedHoldsUpNothingAndIsTriedAgainOneOfEachKind) {
  add(50, "motion.started");
  const auto others = add(50);
  connect();
  pass(1s, "motion.started");
  EXPECT_EQ(figures().rows, 0);
  EXPECT_EQ(figures().refused, 50);
  EXPECT_EQ(drain_->refused(), (std::vector<RefusedEvents>{{"motion.started", kNotAuthorized, 50}}));
  EXPECT_TRUE(drain_->drained());

  size_t before = sent_.size();
  pass(OutboxDrain::kTryInterval - 2s, "motion.started");
  EXPECT_EQ(sent_.size(), before) << "not yet";
  clock_.advance(2s);
  drain_->pump();
  answer("motion.started");
  EXPECT_EQ(sent_.size(), before + 1) << "one, and not the others after it was refused again";

  before = sent_.size();
  disconnect();
  connect();
  EXPECT_EQ(sent_.size(), before + 1) << "at every connect";
  answer("motion.started");
  EXPECT_EQ(figures().refused, 50);
}

TEST_F(OutboxDrainTest, WhatIsTakenAfterAllBringsTheOthersOfItsKind) {
  const auto ids = add(1200, "motion.started");
  add(1, "camera.up");
  drain_->set_rate(10'000);
  connect();
  while (answered_ < sent_.size()) {
    EXPECT_TRUE(drain_->on_published(sent_[answered_++].token, kNotAuthorized));
    drain_->pump();
  }
  pass(1s);
  ASSERT_EQ(figures().refused, 1201);
  sent_.clear();
  answered_ = 0;
  begin();
  drain_->set_rate(10'000);
  EXPECT_EQ(drain_->refused().size(), 2u) << "a restart knows of them";
  connect();
  for (int i = 0; i < 10; ++i) pass(100ms, "camera.up");
  auto came = sent_ids();
  std::erase_if(came, [&](const std::string& id) { return std::find(ids.begin(), ids.end(), id) == ids.end(); });
  EXPECT_EQ(came, ids) << "each once, in order";
  EXPECT_EQ(drain_->refused(), (std::vector<RefusedEvents>{{"camera.up", kNotAuthorized, 1}}));
  EXPECT_EQ(figures().rows, 0);
}

}  // namespace
}  // namespace vedette
