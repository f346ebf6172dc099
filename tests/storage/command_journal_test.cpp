// The journal of commands that only ask, by itself and under the command log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/file.h"
#include "core/ids.h"
#include "storage/command_log.h"
#include "tests/storage/killed.h"
#include "tests/storage/store.h"
#include "tests/support/process.h"

namespace vedette {
namespace {

using test::kNow;
using test::Store;

CommandRecord question(const std::string& id) {
  return {id, "clip.query", "alice", "B/reply/x", std::string("\0\x01\xff", 3), kNow, {}, "front", true, "00-trace"};
}

CommandOutcome outcome() {
  return {R"({"status":"succeeded"})", "succeeded", "ok", "why", 7};
}

class CommandJournalTest : public ::testing::Test {
 protected:
  CommandJournalTest() { EXPECT_TRUE(journal_.open()); }

  void keep(const std::string& id) {
    journal_.begin(question(id));
    ASSERT_TRUE(journal_.keep(id));
  }

  // What the next start of the process finds.
  std::vector<std::string> found_later() const {
    CommandJournal later(path_);
    EXPECT_TRUE(later.open());
    std::vector<std::string> out;
    for (const auto& entry : later.entries())
      out.push_back(entry.command.command_id + (entry.command.reply.empty() ? "" : " answered"));
    return out;
  }

  const test::TempDir dir_;
  const std::filesystem::path path_ = dir_.path() / "commands.journal";
  CommandJournal journal_{path_};
};

using Found = std::vector<std::string>;

TEST_F(CommandJournalTest, HoldsEveryFieldForTheNextStart) {
  keep("a");
  keep("b");
  ASSERT_TRUE(journal_.finish("a", outcome()));
  EXPECT_EQ(journal_.finish("c", outcome()).error().code, Code::not_found);

  CommandJournal later(path_);
  ASSERT_TRUE(later.open());
  EXPECT_EQ(found_later(), (Found{"a answered", "b"}));
  const CommandJournal::Entry* a = later.find("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->command.verb, "clip.query");
  EXPECT_EQ(a->command.actor, "alice");
  EXPECT_EQ(a->command.reply_topic, "B/reply/x");
  EXPECT_EQ(a->command.correlation, std::string("\0\x01\xff", 3));
  EXPECT_EQ(a->command.received_at, kNow);
  EXPECT_EQ(a->command.camera_id, "front");
  EXPECT_TRUE(a->command.only_asks);
  EXPECT_EQ(a->command.traceparent, "00-trace");
  EXPECT_EQ(a->command.reply, outcome().reply);
  EXPECT_EQ(a->outcome.status, "succeeded");
  EXPECT_EQ(a->outcome.code, "ok");
  EXPECT_EQ(a->outcome.message, "why");
  EXPECT_EQ(a->outcome.took_ms, 7);
  ASSERT_TRUE(later.clear());
  EXPECT_EQ(found_later(), Found{});
}

TEST_F(CommandJournalTest, IsWrittenByWhoeverIsFirstAndOnce) {
  journal_.begin(question("a"));
  EXPECT_EQ(found_later(), Found{}) << "in memory alone";
  ASSERT_TRUE(journal_.finish("a", outcome()));
  EXPECT_EQ(found_later(), Found{"a answered"});
  const auto size = std::filesystem::file_size(path_);
  ASSERT_TRUE(journal_.keep("a"));
  EXPECT_EQ(std::filesystem::file_size(path_), size);
  keep("b");
  ASSERT_TRUE(journal_.keep("b"));
  ASSERT_TRUE(journal_.keep("is not there"));
  EXPECT_EQ(found_later(), (Found{"a answered", "b"}));
}

TEST_F(CommandJournalTest, WhatIsForgottenIsNeverWritten) {
  for (const char* id : {"a", "b", "c"}) journal_.begin(question(id));
  journal_.forget("b");
  journal_.forget("is not there");
  for (const char* id : {"a", "b", "c"}) EXPECT_TRUE(journal_.keep(id));
  EXPECT_FALSE(journal_.find("b"));
  EXPECT_EQ(journal_.finish("b", outcome()).error().code, Code::not_found);
  EXPECT_EQ(found_later(), (Found{"a", "c"}));
}

TEST_F(CommandJournalTest, IsOfItsUserAlone) {
  EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms(0600));
}

// At every length that a kill in mid write may leave.
TEST_F(CommandJournalTest, ARecordThatWasCutShortEndsIt) {
  keep("a");
  const auto whole = std::filesystem::file_size(path_);
  keep("b");
  const std::string content = test::read_text(path_);
  for (size_t length = whole; length < content.size(); ++length) {
    test::write_text(path_, content.substr(0, length));
    EXPECT_EQ(found_later(), Found{"a"}) << length;
    EXPECT_EQ(std::filesystem::file_size(path_), whole) << "what is no record is gone";
  }
}

TEST_F(CommandJournalTest, ADamagedByteEndsItAndNoStaleRecordFollows) {
  for (const char* id : {"a", "b", "c"}) keep(id);
  const std::string content = test::read_text(path_);
  for (size_t at = content.size() / 3; at < content.size() / 3 * 2; ++at) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
    test::write_text(path_, damaged);
    EXPECT_EQ(found_later(), Found{"a"}) << at;
  }
}

TEST_F(CommandJournalTest, AForeignFileIsNotBelieved) {
  test::write_text(path_, std::string(3 * CommandJournal::kMostBytes, '\0'));
  EXPECT_EQ(found_later(), Found{});
  EXPECT_EQ(std::filesystem::file_size(path_), 0u);
}

TEST_F(CommandJournalTest, TakesNoMoreThanItsRoom) {
  CommandOutcome large = outcome();
  large.reply.assign(CommandJournal::kMostBytes, 'x');
  keep("a");
  EXPECT_EQ(journal_.finish("a", large).error().code, Code::busy);
  EXPECT_TRUE(journal_.finish("a", outcome()));
}

// ---- under the log

class QuestionsTest : public ::testing::Test {
 protected:
  QuestionsTest() { open(); }

  void open() {
    log_.reset();
    log_ = CommandLog::open(*store_.database, store_.layout.command_journal()).value();
  }
  // As the next start of the process, with what is in the journal and in no row.
  void restart() {
    log_.reset();
    store_.reopen();
    open();
  }
  bool is_new(const std::string& id) {
    const bool is_new = !log_->begin(question(id), Durability::kill).value().has_value();
    EXPECT_TRUE(log_->keep(id));
    return is_new;
  }
  Status finish(const std::string& id) { return log_->finish(id, outcome(), Durability::kill); }
  int64_t rows() const { return store_.number("SELECT count(*) FROM command"); }

  Store store_;
  std::unique_ptr<CommandLog> log_;
};

TEST_F(QuestionsTest, AnIdIsTakenOnceInTheJournalAndAsARow) {
  EXPECT_TRUE(is_new("a"));
  EXPECT_FALSE(is_new("a"));
  ASSERT_TRUE(finish("a"));
  EXPECT_EQ(rows(), 0);
  EXPECT_EQ(log_->begin(question("a"), Durability::kill).value()->reply, outcome().reply);
  EXPECT_EQ(log_->begin(question("a")).value()->reply, outcome().reply) << "to a command of the same id, too";
  EXPECT_EQ(log_->find("a").value()->reply, outcome().reply);
  ASSERT_TRUE(log_->told({}));
  EXPECT_EQ(rows(), 1);
  EXPECT_FALSE(is_new("a"));
  EXPECT_EQ(log_->find("a").value()->correlation, question("a").correlation);
  EXPECT_TRUE(is_new("b"));
}

TEST_F(QuestionsTest, AnIdOfACommandIsNoneForAQuestion) {
  ASSERT_TRUE(log_->begin(question("a")).has_value());
  EXPECT_FALSE(is_new("a"));
  restart();
  EXPECT_FALSE(is_new("a"));
}

TEST_F(QuestionsTest, AreThereAfterAKillFinishedOrNot) {
  ASSERT_TRUE(is_new("a"));
  ASSERT_TRUE(is_new("b"));
  ASSERT_TRUE(finish("a"));
  restart();
  EXPECT_FALSE(is_new("a"));
  const auto unfinished = log_->unfinished().value();
  ASSERT_EQ(unfinished.size(), 1u);
  EXPECT_EQ(unfinished[0].command_id, "b");
  const auto untold = log_->untold().value();
  ASSERT_EQ(untold.size(), 1u);
  EXPECT_EQ(untold[0].command_id, "a");
  EXPECT_EQ(untold[0].reply, outcome().reply);
  ASSERT_TRUE(finish("b")) << "which is a row by now";
  ASSERT_TRUE(log_->told({"a", "b"}));
  EXPECT_TRUE(log_->untold().value().empty());
}

TEST_F(QuestionsTest, AreInTheAuditAtOnce) {
  ASSERT_TRUE(is_new("a"));
  ASSERT_TRUE(finish("a"));
  const auto page = log_->audit({}).value();
  ASSERT_EQ(page.entries.size(), 1u);
  EXPECT_EQ(page.entries[0].camera_id, "front");
  EXPECT_EQ(page.entries[0].status, "succeeded");
  EXPECT_EQ(page.entries[0].message, "why");
  EXPECT_EQ(page.entries[0].took_ms, 7);
}

// Wherever a kill comes in, an id is known from then on when its question was taken, and a reply is never another one.
TEST_F(QuestionsTest, NoKillMakesOneNewAgain) {
  log_.reset();
  store_.close();
  const auto marks = store_.dir.path() / "marks";
  const auto work = [&] {
    auto database = Database::open(store_.layout.database());
    if (!database) _exit(2);
    auto log = CommandLog::open(**database, store_.layout.command_journal());
    if (!log) _exit(3);
    const auto mark = [&](const std::string& what) {
      test::write_text(marks, (std::filesystem::exists(marks) ? test::read_text(marks) : "") + what + "\n");
    };
    for (const std::string id : {"a", "b", "c"}) {
      auto known = (*log)->begin(question(id), Durability::kill);
      if (!known) _exit(4);
      const bool answered_first = id == "b";
      if (answered_first && !(*log)->finish(id, outcome(), Durability::kill)) _exit(5);
      if (!(*log)->keep(id)) _exit(4);
      mark(id);
      if (!answered_first && !(*log)->finish(id, outcome(), Durability::kill)) _exit(5);
      mark(id + " answered");
      if (id == "b" && !(*log)->told({"a"})) _exit(6);
    }
  };
  int change = 1;
  for (bool killed = true; killed; ++change) {
    std::filesystem::remove(marks);
    for (const char* of : {"", "-wal", "-shm"}) std::filesystem::remove(store_.layout.database().string() + of);
    std::filesystem::remove(store_.layout.command_journal());
    killed = test::killed_before(change, work);
    store_.reopen();
    open();
    const std::string told = std::filesystem::exists(marks) ? test::read_text(marks) : "";
    for (const std::string id : {"a", "b", "c"}) {
      const auto known = log_->find(id).value();
      SCOPED_TRACE(id + " before change " + std::to_string(change));
      if (told.find(id + "\n") != std::string::npos) {
        EXPECT_TRUE(known);
      }
      if (told.find(id + " answered") != std::string::npos) {
        EXPECT_EQ(known ? known->reply : "none", outcome().reply);
      }
      if (known) {
        EXPECT_FALSE(is_new(id));
      }
    }
    log_.reset();
    store_.close();
  }
  EXPECT_GT(change, 10);
  store_.reopen();
}

TEST_F(QuestionsTest, AreBegunInOneThreadAndFinishedInAnother) {
  constexpr int kCount = 300;
  std::atomic<int> begun = 0;
  std::atomic<int> taken = 0;
  {
    const std::jthread other([&] {
      for (int i = 0; i < kCount; ++i) {
        const std::string id = "q" + std::to_string(i);
        if (!log_->begin(question(id), Durability::kill).value()) ++taken;
        begun = i + 1;
        EXPECT_TRUE(log_->keep(id));
      }
    });
    for (int i = 0; i < kCount; ++i) {
      while (begun <= i) std::this_thread::yield();
      EXPECT_TRUE(finish("q" + std::to_string(i)));
      if (i % 20 == 0) {
        EXPECT_TRUE(log_->told({}));
      }
    }
  }
  EXPECT_EQ(taken, kCount);
  restart();
  EXPECT_EQ(log_->untold().value().size(), static_cast<size_t>(kCount));
}

TEST_F(QuestionsTest, ManyMoreThanTheJournalHoldsAreAllKept) {
  CommandOutcome large = outcome();
  large.reply.assign(CommandJournal::kMostBytes / 3, 'x');
  for (int i = 0; i < 10; ++i) {
    const std::string id = "id" + std::to_string(i);
    ASSERT_TRUE(is_new(id));
    ASSERT_TRUE(log_->finish(id, large, Durability::kill));
  }
  EXPECT_LE(std::filesystem::file_size(store_.layout.command_journal()), uint64_t{CommandJournal::kMostBytes});
  large.reply.assign(2 * CommandJournal::kMostBytes, 'x');
  ASSERT_TRUE(is_new("larger than the journal"));
  ASSERT_TRUE(log_->finish("larger than the journal", large, Durability::kill));
  restart();
  EXPECT_EQ(log_->untold().value().size(), 11u);
}

TEST_F(QuestionsTest, AreKeptInTheJournalWhileTheCatalogTakesNothing) {
  ASSERT_TRUE(store_.database->read([&](Database::Access& db) {
    auto limit = db.prepare("PRAGMA max_page_count=1");
    (void)limit.step();
    return limit.status();
  }));
  const std::string name(5000, 'n');  // does not fit into the pages there are
  CommandRecord large = question("a");
  large.actor = name;
  ASSERT_FALSE(log_->begin(large, Durability::kill).value().has_value());
  ASSERT_TRUE(finish("a"));
  EXPECT_EQ(log_->told({}).error().code, Code::no_space);
  EXPECT_EQ(rows(), 0);
  EXPECT_FALSE(is_new("a"));
  EXPECT_TRUE(log_->audit({})) << "of the rows there are";
  EXPECT_TRUE(log_->unfinished());
  EXPECT_TRUE(log_->untold());
  EXPECT_TRUE(log_->expire(kNow));
  EXPECT_FALSE(is_new("a"));
  restart();
  ASSERT_TRUE(log_->told({}));
  EXPECT_EQ(rows(), 1);
}

TEST_F(QuestionsTest, GoToTheFolderThatHasReturned) {
  ASSERT_TRUE(is_new("a"));
  const auto journal = store_.layout.command_journal();
  std::filesystem::rename(journal, journal.string() + ".away");
  ASSERT_TRUE(is_new("b")) << "as to a volume that is not there by its path";
  ASSERT_TRUE(log_->reopen());
  EXPECT_EQ(rows(), 2) << "the second is in no file that is there";
  ASSERT_TRUE(is_new("c"));
  ASSERT_TRUE(log_->told({}));
  for (const char* id : {"a", "b", "c"}) EXPECT_FALSE(is_new(id)) << id;
  EXPECT_EQ(rows(), 3);
}

}  // namespace
}  // namespace vedette
