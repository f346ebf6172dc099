#include "uploader/upload_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"
#include "tests/uploader/fake_target.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/active_upload.h"

namespace vedette {
namespace {

using test::eventually;
using test::FakeClock;
using test::FakeTarget;
using test::make_upload;
using test::TempDir;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr milliseconds kLimit{10000};

class UploadEngineTest : public ::testing::Test {
 protected:
  UploadEngineTest() : layout_{dir_.path(), "edge-01", ""} {
    auto opened = Database::open(layout_.database());
    EXPECT_TRUE(opened);
    database_ = std::move(*opened);
    catalog_ = std::make_unique<Catalog>(*database_);
    outbox_ = std::make_unique<Outbox>(*database_);
    auto target = std::make_unique<FakeTarget>();
    target_ = target.get();
    next_target_ = std::move(target);
  }

  // As a clip that is closed: its manifest stands before it.
  Upload add_with_manifest() {
    Catalog issuing(*database_, {"edge-01", nullptr, true});
    Upload upload = make_upload(dir_.path(), "content");
    Clip clip;
    clip.clip_id = upload.subject_id;
    clip.camera_id = "front";
    clip.path = upload.path;
    clip.start = upload.start;
    clip.end = upload.end;
    clip.sha256 = upload.sha256;
    EXPECT_TRUE(issuing.finish_clip(clip, {}, upload));
    return upload;
  }

  Upload add(const std::string& content = "content", Priority priority = Priority::normal,
             const std::string& kind = "clip") {
    Upload upload = make_upload(dir_.path(), content);
    upload.priority = priority;
    upload.kind = kind;
    upload.command_id = new_id();
    const auto added = catalog_->add_upload(upload);
    EXPECT_TRUE(added);
    return *added;
  }
  void start() {
    UploadHooks hooks;
    hooks.on_report = [this](const UploadReport& report) {
      const std::lock_guard lock(mutex_);
      reports_.push_back(report);
    };
    hooks.on_progress = [this](const UploadProgress& progress) {
      const std::lock_guard lock(mutex_);
      progress_.push_back(progress);
    };
    hooks.gate = [this](UtcTime now) {
      ++gate_asked_;
      const std::lock_guard lock(mutex_);
      UploadGate gate = gate_;
      gate.open = gate.open || (gate.until && now >= *gate.until);
      return gate;
    };
    hooks.storage_is_there = [this] { return volume_is_there_.load(); };
    engine_ = std::make_unique<UploadEngine>(layout_, *catalog_, std::move(next_target_), std::move(hooks), clock_);
  }
  void set_gate(UploadGate gate) {
    {
      const std::lock_guard lock(mutex_);
      gate_ = std::move(gate);
    }
    if (engine_) engine_->wake();
  }
  std::vector<UploadReport> reports() {
    const std::lock_guard lock(mutex_);
    return reports_;
  }
  bool wait_for_reports(size_t count) {
    return eventually(kLimit, [&] { return reports().size() >= count; });
  }
  std::vector<OutboxEvent> events() { return *outbox_->next(0, 1000); }
  int64_t waiting_rows() { return catalog_->upload_figures(clock_.utc())->rows; }
  // Time goes by, and the engine looks again.
  void advance(microseconds by) {
    clock_.advance(by);
    engine_->wake();
  }

  const TempDir dir_;
  const Layout layout_;
  FakeClock clock_;
  std::atomic<bool> volume_is_there_{true};
  std::atomic<int> gate_asked_{0};
  std::unique_ptr<Database> database_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Target> next_target_;
  FakeTarget* target_;
  std::mutex mutex_;
  std::vector<UploadReport> reports_;
  std::vector<UploadProgress> progress_;
  UploadGate gate_;
  std::unique_ptr<UploadEngine> engine_;
};

TEST_F(UploadEngineTest, TakesRowsByPriorityThenByAge) {
  const auto low = add("a", Priority::low);
  const auto first = add("b");
  const auto second = add("c");
  const auto high = add("d", Priority::high);
  start();
  ASSERT_TRUE(wait_for_reports(4));
  EXPECT_THAT(target_->tries(), ElementsAre(high.subject_id, first.subject_id, second.subject_id, low.subject_id));
  EXPECT_EQ(waiting_rows(), 0);
}

TEST_F(UploadEngineTest, TakesWhatIsAddedLaterWhenWoken) {
  start();
  const auto upload = add();
  engine_->wake();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].done);
  EXPECT_EQ(reports()[0].upload.subject_id, upload.subject_id);
}

TEST_F(UploadEngineTest, CommitsTheEventTogetherWithTheProof) {
  const auto upload = add("some content");
  start();
  ASSERT_TRUE(wait_for_reports(1));
  const auto all = events();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].type, "clip.uploaded");
  EXPECT_EQ(all[0].camera_id, "front");
  EXPECT_EQ(all[0].command_id, upload.command_id);
  const Json data = Json::parse(all[0].data);
  EXPECT_EQ(data["clip_id"], upload.subject_id);
  EXPECT_EQ(data["object_key"], upload.object_key);
  EXPECT_EQ(data["etag"], "etag-" + upload.subject_id);
  EXPECT_EQ(data["attempts"], 1);
  EXPECT_EQ(data["took_ms"], 0);
  EXPECT_EQ(engine_->uploaded_bytes_total(), 12u);
  EXPECT_EQ(HistogramWindow(engine_->upload_time()).next().count, 1u);
}

class ProvedUploadTest : public UploadEngineTest {
 protected:
  // The first one is proved, and two others are under way: no lane is free.
  void prove_one_of_three() {
    target_->in_parts(1);
    for (const char* content : {"a", "b", "c"}) add(content);
    start();
    ASSERT_TRUE(target_->wait_for_tries(2));
    target_->let_parts(1);
    ASSERT_TRUE(target_->wait_for_tries(3));
  }
};

TEST_F(ProvedUploadTest, WaitsAMomentForOthersToBeCommittedWithAndIsToldNoSooner) {
  prove_one_of_three();
  EXPECT_FALSE(eventually(100ms, [&] { return !reports().empty() || !events().empty() || waiting_rows() < 3; }));
  advance(50ms);
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_EQ(waiting_rows(), 2);
  EXPECT_EQ(events().size(), 1u);
  target_->let_parts(2);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_EQ(waiting_rows(), 0);
}

TEST_F(ProvedUploadTest, IsCommittedWhenTheEngineStops) {
  prove_one_of_three();
  engine_.reset();
  EXPECT_EQ(waiting_rows(), 2);
  EXPECT_EQ(events().size(), 1u);
}

// Into a real folder, as its text is in no file.
TEST_F(UploadEngineTest, DeliversManifestsOutOfTheCatalogAndBeforeTheirClips) {
  const Upload upload = add_with_manifest();
  next_target_ = make_directory_target(dir_.path() / "objects");
  start();
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_EQ(reports()[0].upload.kind, "manifest");
  EXPECT_EQ(reports()[1].upload.kind, "clip");
  auto object = dir_.path() / "objects" / upload.object_key;
  EXPECT_EQ(test::read_text(object), "content");
  EXPECT_EQ(test::read_text(object.replace_extension(".json")), *catalog_->manifest(upload.subject_id));
  EXPECT_EQ(events().size(), 1u) << "clip.uploaded, and nothing of the manifest";
}

TEST_F(UploadEngineTest, TwoGoAtOnceFromTheStart) {
  target_->hang(true);
  const auto first = add("a"), second = add("b");
  add("c");
  start();
  ASSERT_TRUE(target_->wait_for_tries(2));
  EXPECT_THAT(target_->tries(), ElementsAre(first.subject_id, second.subject_id));
  target_->hang(false);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_EQ(target_->most_at_once(), 2u);
}

TEST_F(UploadEngineTest, AClipWaitsForItsManifestWithoutHoldingUpOthersAndGoesWhenThatEnds) {
  const Upload upload = add_with_manifest();
  const auto other = add("other");
  target_->hang(true);
  start();
  ASSERT_TRUE(target_->wait_for_tries(2));
  EXPECT_THAT(target_->tries(), ElementsAre(upload.subject_id, other.subject_id));
  target_->hang(false);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_EQ(reports()[0].upload.kind, "manifest");
  EXPECT_EQ(reports()[2].upload.subject_id, upload.subject_id);
}

TEST_F(UploadEngineTest, DoesNotLookAgainAndAgainForAClipThatWaitsForItsManifest) {
  add_with_manifest();
  target_->hang(true);
  start();
  ASSERT_TRUE(target_->wait_for_tries(1));
  const int before = gate_asked_;
  EXPECT_FALSE(eventually(300ms, [&] { return gate_asked_ > before + 5; }));
  target_->hang(false);
  ASSERT_TRUE(wait_for_reports(2));
}

// Less than a minute's worth is under way, so that what is urgent has a place.
TEST_F(UploadEngineTest, OneGoesAfterTheOtherOnAThinLink) {
  start();
  engine_->set_rate(64'000);
  for (const char content : {'a', 'b'}) add(std::string(600'000, content));
  engine_->wake();
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_EQ(target_->most_at_once(), 1u);
  for (const char content : {'c', 'd'}) add(std::string(400'000, content));
  engine_->wake();
  ASSERT_TRUE(wait_for_reports(4));
  EXPECT_EQ(target_->most_at_once(), 2u) << "these are small enough";
}

TEST_F(UploadEngineTest, AFinishedPartGivesItsLaneBack) {
  const Upload upload = catalog_->add_upload(make_upload(dir_.path(), "content")).value();
  ActiveUpload one(upload, {}, *catalog_, MonoTime{}, [](ActiveUpload&, int) { return NextPart::go; });
  ASSERT_TRUE(one.parts_begun("upload id", 5));
  one.next_part(0);
  one.next_part(1);
  EXPECT_EQ(one.lanes(), 2);
  ASSERT_TRUE(one.part_finished({1, "etag", 5}));
  EXPECT_EQ(one.lanes(), 1);
}

// A bucket that is not there yet, say: what is not found is not the manifest.
TEST_F(UploadEngineTest, KeepsAManifestThatTheStoreHasNoPlaceFor) {
  const Upload upload = add_with_manifest();
  target_->will_give({Code::not_found});
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_EQ(reports()[0].upload.kind, "manifest");
  EXPECT_TRUE(reports()[0].will_retry);
  advance(66s);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_TRUE(reports()[1].done && reports()[2].done);
  EXPECT_EQ(waiting_rows(), 0);
}

TEST_F(UploadEngineTest, EndsAManifestThatNobodyHasAnyMore) {
  Upload upload = make_upload(dir_.path(), "content");
  upload.kind = "manifest";
  ASSERT_TRUE(catalog_->add_upload(upload));
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_FALSE(reports()[0].done || reports()[0].will_retry);
}

TEST_F(UploadEngineTest, LeavesTheEventsOfSnapshotsToOthers) {
  add("jpeg", Priority::normal, "snapshot");
  target_->will_give({Code::upload_failed});
  start();
  ASSERT_TRUE(wait_for_reports(1));
  advance(1s);
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_TRUE(reports()[1].done);
  EXPECT_THAT(events(), IsEmpty());
}

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

TEST_F(UploadEngineTest, GivesItsPlaceToWhatIsMoreUrgentAndGoesOnLater) {
  target_->in_parts(4);
  const auto low = add("low priority", Priority::low), other = add("also low", Priority::low);
  const auto parts_of = [&](const Upload& upload) { return static_cast<int>(catalog_->parts(upload.row)->size()); };
  start();
  ASSERT_TRUE(target_->wait_for_tries(2));
  target_->let_parts(1);
  ASSERT_TRUE(eventually(kLimit, [&] { return parts_of(low) == 1; }));
  const auto high = add("high priority", Priority::high);
  engine_->wake();
  // The one under way is finished; a second one, if the engine has not looked up before.
  for (int i = 0; i < 2 && target_->tries().size() < 3; ++i) {
    target_->let_parts(1);
    static_cast<void>(eventually(500ms, [&] { return target_->tries().size() >= 3; }));
  }
  ASSERT_TRUE(target_->wait_for_tries(3));
  EXPECT_EQ(target_->tries()[2], high.subject_id);
  EXPECT_GE(parts_of(low), 2);
  EXPECT_LT(parts_of(low), 4);
  target_->let_parts(3 * 4 - parts_of(low) - parts_of(other));  // no more are missing
  ASSERT_TRUE(wait_for_reports(3));
  for (const UploadReport& report : reports()) {
    EXPECT_TRUE(report.done);
    EXPECT_EQ(report.upload.attempts, 1) << "it has not failed";
  }
  EXPECT_EQ(parts_of(low), 0);
}

TEST_F(UploadEngineTest, FinishesWhatItBeganBeforeOthersOfTheSamePriority) {
  target_->in_parts(2);
  const auto first = add("first"), second = add("second");
  start();
  ASSERT_TRUE(target_->wait_for_tries(2));
  const auto third = add("third");
  engine_->wake();
  target_->let_parts(6);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_THAT(target_->tries(), ElementsAre(first.subject_id, second.subject_id, third.subject_id));
}

TEST_F(UploadEngineTest, BeginsNothingWhileTheGateIsClosedAndSaysWhy) {
  set_gate({false, "paused", {}});
  add();
  start();
  ASSERT_TRUE(eventually(kLimit, [&] { return engine_->activity().gate.reason == "paused"; }));
  EXPECT_THAT(target_->tries(), IsEmpty());
  set_gate({});
  ASSERT_TRUE(wait_for_reports(1));
}

TEST_F(UploadEngineTest, OpensTheGateAtTheInstantItWasToldOf) {
  set_gate({false, "window", clock_.utc() + 60s});
  add();
  start();
  ASSERT_TRUE(eventually(kLimit, [&] { return !engine_->activity().gate.open; }));
  EXPECT_THAT(target_->tries(), IsEmpty());
  advance(60s);
  ASSERT_TRUE(wait_for_reports(1));
}

TEST_F(UploadEngineTest, StopsAtAPartWhenTheGateClosesAndGoesOnThere) {
  target_->in_parts(3);
  const auto upload = add();
  start();
  target_->let_parts(1);
  ASSERT_TRUE(eventually(kLimit, [&] { return catalog_->parts(upload.row)->size() == 1; }));
  set_gate({false, "paused", {}});
  target_->let_parts(1);
  ASSERT_TRUE(eventually(kLimit, [&] { return catalog_->parts(upload.row)->size() == 2; }));
  ASSERT_TRUE(eventually(kLimit, [&] { return engine_->activity().under_way.empty(); }));
  target_->let_parts(1);
  set_gate({});
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].done);
  EXPECT_EQ(reports()[0].upload.attempts, 1);
}

TEST_F(UploadEngineTest, TellsHowFarLongOnesAre) {
  target_->in_parts(10);
  const auto upload = add(std::string(1000, 'x'));
  start();
  ASSERT_TRUE(target_->wait_for_tries(1));
  target_->let_parts(4);
  ASSERT_TRUE(eventually(kLimit, [&] { return catalog_->parts(upload.row)->size() == 4; }));
  advance(1s);
  ASSERT_TRUE(eventually(kLimit, [&] {
    const std::lock_guard lock(mutex_);
    return !progress_.empty();
  }));
  EXPECT_EQ(progress_[0].sent_bytes, 400);
  EXPECT_EQ(progress_[0].upload.row, upload.row);
  const auto activity = engine_->activity();
  ASSERT_EQ(activity.under_way.size(), 1u);
  EXPECT_EQ(activity.under_way[0].sent_bytes, 400);
  target_->let_parts(6);
  ASSERT_TRUE(wait_for_reports(1));
}

TEST_F(UploadEngineTest, PassesTheRateOn) {
  start();
  engine_->set_rate(5'000'000);
  EXPECT_EQ(target_->rate(), 5'000'000);
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
    add();
    const size_t before = reports().size();
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
