// What the engine makes of targets, files and rows that fail or go away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/uploader/upload_engine_fixture.h"

namespace vedette {
namespace {

using test::eventually;
using test::FakeTarget;
using test::kLimit;
using test::UploadEngineTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(UploadEngineTest, GoesOnWithOthersWhenARowAloneFails) {
  const auto bad = add("a");
  const auto good = add("b");
  target_->will_give({Code::conflict});
  start();
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_THAT(target_->tries(), ElementsAre(bad.subject_id, good.subject_id));
  EXPECT_EQ(reports()[0].error.code, Code::conflict);
  EXPECT_TRUE(reports()[0].will_retry);
  EXPECT_TRUE(reports()[1].done);
  advance(1s);
  ASSERT_TRUE(target_->wait_for_tries(3));
  EXPECT_EQ(target_->tries()[2], bad.subject_id);
}

TEST_F(UploadEngineTest, LeavesATargetAloneThatIsAway) {
  add();
  target_->will_give({Code::camera_unavailable, Code::timed_out, Code::busy});
  start();
  ASSERT_TRUE(wait_for_reports(1));
  for (int i = 0; i < 4; ++i) add();
  const auto late = add("a", Priority::high);
  for (const microseconds pause : {1s, 2s}) {
    const size_t before = target_->tries().size();
    advance(pause / 2 - 1ms);  // the shortest that jitter makes of it
    advance(0s);
    add();
    engine_->wake();
    EXPECT_EQ(target_->tries().size(), before);
    advance(pause);
    ASSERT_TRUE(wait_for_reports(before + 1));
    EXPECT_EQ(target_->tries().size(), before + 1);
  }
  advance(4s);
  ASSERT_TRUE(wait_for_reports(3 + 6));  // back: everything that is due goes at once
  advance(60s);
  ASSERT_TRUE(eventually(kLimit, [&] { return waiting_rows() == 0; }));
  EXPECT_EQ(target_->tries()[1], late.subject_id);
}

TEST_F(UploadEngineTest, NeverGivesUpAndAsksATargetThatIsAwayOnceAMinute) {
  add();
  constexpr int kFailures = 15;
  target_->will_give(std::vector<Code>(kFailures, Code::timed_out));
  start();
  for (int i = 1; i <= kFailures; ++i) {
    ASSERT_TRUE(wait_for_reports(static_cast<size_t>(i)));
    advance(66s);
  }
  ASSERT_TRUE(wait_for_reports(kFailures + 1));
  EXPECT_TRUE(reports().back().done);
  EXPECT_EQ(reports().back().upload.attempts, kFailures + 1);
}

TEST_F(UploadEngineTest, OpensTheBreakerAfterFiveFailuresAndASuccessClosesIt) {
  add();
  target_->will_give(std::vector<Code>(6, Code::camera_unavailable));
  start();
  ASSERT_TRUE(wait_for_reports(1));
  add();
  add();
  for (size_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(wait_for_reports(i));
    if (i < 5) advance(16s);
  }
  ASSERT_TRUE(eventually(kLimit, [&] { return engine_->activity().breaker == BreakerState::open; }));
  EXPECT_TRUE(engine_->activity().next_probe);
  for (int i = 0; i < 5; ++i) advance(11s);  // less than a minute: nobody goes
  add();
  engine_->wake();
  advance(4s);
  EXPECT_EQ(target_->tries().size(), 5u);
  advance(8s);  // a minute and a tenth: one probe
  ASSERT_TRUE(wait_for_reports(6));
  EXPECT_EQ(target_->tries().size(), 6u);
  advance(66s);
  ASSERT_TRUE(wait_for_reports(7));
  EXPECT_TRUE(reports()[6].done);
  advance(60s);
  ASSERT_TRUE(eventually(kLimit, [&] { return waiting_rows() == 0; }));
  ASSERT_TRUE(eventually(kLimit, [&] { return engine_->activity().breaker == BreakerState::closed; }));
}

// A policy for its key only, say: that is about the target by its code, and not in truth.
TEST_F(UploadEngineTest, OneThatAloneIsRefusedDoesNotTakeEveryProbe) {
  const auto bad = add("a", Priority::high);
  target_->refuses = [&](const Upload& upload) { return upload.row == bad.row ? Code::forbidden : Code::ok; };
  start();
  for (size_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(wait_for_reports(i));
    if (i < 5) advance(16s);
  }
  ASSERT_TRUE(eventually(kLimit, [&] { return engine_->activity().breaker == BreakerState::open; }));
  const auto good = add("b");
  add("c", Priority::low);
  for (int probes = 0; probes < 4 && waiting_rows() > 1; ++probes) {
    const size_t before = reports().size();
    advance(66s);
    ASSERT_TRUE(wait_for_reports(before + 1));
  }
  ASSERT_TRUE(eventually(kLimit, [&] { return waiting_rows() == 1; })) << target_->tries().size() << " tries";
  EXPECT_EQ(target_->tries()[5], good.subject_id);
}

TEST_F(UploadEngineTest, ThoseOfAKindThatAreRefusedHoldUpNoOthers) {
  constexpr int kClips = 12;
  for (int i = 0; i < kClips; ++i) add_with_manifest();
  target_->refuses = [](const Upload& upload) { return upload.kind == "manifest" ? Code::no_space : Code::ok; };
  start();
  for (int i = 0; i < 40 && waiting_rows() > kClips; ++i) {
    const size_t before = reports().size();
    advance(66s);
    ASSERT_TRUE(wait_for_reports(before + 1));
  }
  EXPECT_EQ(waiting_rows(), kClips) << "the manifests";
}

// Two hours without a store, with 500 clips that arrive in that time.
TEST_F(UploadEngineTest, DeliversAllOfATwoHourOutageEachOnce) {
  target_->will_give(std::vector<Code>(4000, Code::camera_unavailable));
  start();
  std::vector<std::string> ids;
  size_t failures = 0;
  for (int i = 0; i < 500; ++i) {
    ids.push_back(add(std::to_string(i)).subject_id);
    advance(14400ms);
    failures = std::max(failures, target_->tries().size());
  }
  EXPECT_LT(failures, 140u) << "probes, about one a minute";
  target_->will_give_only({});
  for (int i = 0; i < 200 && waiting_rows() > 0; ++i) {
    advance(66s);
    static_cast<void>(eventually(200ms, [&] { return waiting_rows() == 0; }));
  }
  EXPECT_EQ(waiting_rows(), 0);
  std::map<std::string, int> uploaded;
  const auto all = outbox_->next(0, 5000);
  for (const auto& event : *all)
    if (event.type == "clip.uploaded") ++uploaded[Json::parse(event.data)["clip_id"]];
  EXPECT_EQ(uploaded.size(), ids.size());
  for (const auto& id : ids) EXPECT_EQ(uploaded[id], 1) << id;
}

TEST_F(UploadEngineTest, TellsOfAFailureOncePerCode) {
  const auto upload = add();
  const std::vector<Code> codes = {Code::forbidden, Code::forbidden, Code::not_found, Code::not_found, Code::forbidden};
  target_->will_give(codes);
  start();
  for (size_t i = 1; i <= codes.size(); ++i) {
    ASSERT_TRUE(wait_for_reports(i));
    advance(66s);
  }
  ASSERT_TRUE(wait_for_reports(codes.size() + 1));
  std::vector<std::string> told;
  for (const auto& event : events())
    told.push_back(event.type + " " + Json::parse(event.data).value("code", "") + " " +
                   std::to_string(Json::parse(event.data)["attempts"].get<int>()));
  EXPECT_THAT(told, ElementsAre("clip.upload_failed forbidden 1", "clip.upload_failed not_found 3",
                                "clip.upload_failed forbidden 5", "clip.uploaded  6"));
  const Json data = Json::parse(events()[0].data);
  EXPECT_EQ(data["clip_id"], upload.subject_id);
  EXPECT_EQ(data["message"], "as told");
  EXPECT_EQ(data["will_retry"], true);
}

TEST_F(UploadEngineTest, EndsARowWhoseFileIsGone) {
  next_target_ = make_directory_target(dir_.path() / "nas");
  const auto gone = add("a");
  const auto good = add("b");
  std::filesystem::remove(dir_.path() / gone.path);
  start();
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_FALSE(reports()[0].will_retry);
  EXPECT_EQ(reports()[0].error.code, Code::not_found);
  EXPECT_TRUE(reports()[1].done);
  const Json data = Json::parse(events()[0].data);
  EXPECT_EQ(events()[0].type, "clip.upload_failed");
  EXPECT_EQ(data["code"], "not_found");
  EXPECT_EQ(data["will_retry"], false);
  EXPECT_EQ(waiting_rows(), 0);
}

// Another volume may have a catalog of its own.
TEST_F(UploadEngineTest, KeepsARowWhoseFileIsMissingOnAnotherVolume) {
  next_target_ = make_directory_target(dir_.path() / "nas");
  const auto upload = add();
  std::filesystem::remove(dir_.path() / upload.path);
  volume_is_there_ = false;
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].will_retry);
  EXPECT_EQ(waiting_rows(), 1);
}

TEST_F(UploadEngineTest, KeepsARowWhenTheWholeStorageFolderIsAway) {
  next_target_ = make_directory_target(dir_.path() / "nas");
  const auto upload = add();
  const auto away = dir_.path() / "away";
  std::filesystem::create_directories(away);
  for (const auto* name : {"vedette.db", "clips"}) std::filesystem::rename(dir_.path() / name, away / name);
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].will_retry);
  for (const auto* name : {"vedette.db", "clips"}) std::filesystem::rename(away / name, dir_.path() / name);
  advance(60s);
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_TRUE(reports()[1].done);
}

TEST_F(UploadEngineTest, StopsInMidUploadAndTheNextOneDelivers) {
  const auto upload = add();
  target_->hang(true);
  start();
  ASSERT_TRUE(target_->wait_for_tries(1));
  const MonoTime begin = Clock::system().mono();
  engine_.reset();
  EXPECT_LT(Clock::system().mono() - begin, 1s);
  EXPECT_THAT(reports(), IsEmpty());
  EXPECT_THAT(events(), IsEmpty());

  next_target_ = std::make_unique<FakeTarget>();
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].done);
  EXPECT_EQ(reports()[0].upload.subject_id, upload.subject_id);
}

TEST_F(UploadEngineTest, DeliversWhatAKillLeftUnderWay) {
  const auto upload = add();
  ASSERT_TRUE(catalog_->claim_upload(clock_.utc()));
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_EQ(reports()[0].upload.attempts, 2);
}

TEST_F(UploadEngineTest, DoesNotWaitForAClockThatWasSetBack) {
  add();
  target_->will_give({Code::upload_failed});
  start();
  ASSERT_TRUE(wait_for_reports(1));
  clock_.step_utc(-10h);
  engine_->wake();
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_TRUE(reports()[1].done);
}

TEST_F(UploadEngineTest, GoesOnWhenARowVanishesUnderIt) {
  const auto deleted = add("a");
  const auto other = add("b");
  target_->during_put = [&](const Upload& upload) {
    if (upload.row != deleted.row) return;
    EXPECT_TRUE(database_->write([&](Database::Access& db) {
      return db.prepare("DELETE FROM upload WHERE row = ?1").bind(1, upload.row).run();
    }));
  };
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_EQ(reports()[0].upload.subject_id, other.subject_id);
  EXPECT_EQ(events().size(), 1u);
}

TEST_F(UploadEngineTest, SweepsOnceADayAndSoonerWhereTheTargetWasNotThereForIt) {
  const auto sweeps = [this](int count) { return eventually(kLimit, [&] { return target_->sweeps() >= count; }); };
  const auto turn = [this] {  // the engine has looked at what is due
    const size_t before = reports().size();
    add();
    engine_->wake();
    return wait_for_reports(before + 1);
  };
  target_->let_sweeps_fail(true);
  start();
  ASSERT_TRUE(sweeps(1));
  advance(4min);
  ASSERT_TRUE(turn());
  EXPECT_EQ(target_->sweeps(), 1);
  advance(1min);
  ASSERT_TRUE(sweeps(2));
  target_->let_sweeps_fail(false);
  advance(5min);
  ASSERT_TRUE(sweeps(3));
  advance(23h);
  ASSERT_TRUE(turn());
  EXPECT_EQ(target_->sweeps(), 3);
  advance(1h);
  EXPECT_TRUE(sweeps(4));
}

}  // namespace
}  // namespace vedette
