#include "uploader/upload_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include <deque>
#include <future>
#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"
#include "tests/uploader/upload_fixture.h"

namespace vedette {
namespace {

using test::eventually;
using test::FakeClock;
using test::make_upload;
using test::TempDir;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr milliseconds kLimit{10000};

// A target whose failures are told beforehand; it takes everything else.
class FakeTarget : public Target {
 public:
  Result<UploadProof> put(const Upload& upload, const std::filesystem::path&, const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    tries_.push_back(upload.subject_id);
    changed_.notify_all();
    if (during_put) during_put(upload);
    if (hangs) {
      changed_.wait(lock, stop, [] { return false; });
      return fail(Code::cancelled, "stopped");
    }
    if (failures_.empty()) return UploadProof{"etag-" + upload.subject_id, false};
    const Error error = failures_.front();
    failures_.pop_front();
    if (error.code == Code::ok) return UploadProof{"etag-" + upload.subject_id, false};
    return tl::make_unexpected(error);
  }
  Result<std::string> presign(const std::string&, seconds) const override { return fail(Code::unsupported, ""); }

  // Results to come, in order; Code::ok for a success.
  void will_give(const std::vector<Code>& codes) {
    const std::lock_guard lock(mutex_);
    for (const Code code : codes) failures_.push_back({code, "as told"});
  }
  std::vector<std::string> tries() const {
    const std::lock_guard lock(mutex_);
    return tries_;
  }
  bool wait_for_tries(size_t count) const {
    return eventually(kLimit, [&] { return tries().size() >= count; });
  }

  bool hangs = false;
  std::function<void(const Upload&)> during_put;

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Error> failures_;
  std::vector<std::string> tries_;
};

class UploadWorkerTest : public ::testing::Test {
 protected:
  UploadWorkerTest() : layout_{dir_.path(), "edge-01", ""} {
    auto opened = Database::open(layout_.database());
    EXPECT_TRUE(opened);
    database_ = std::move(*opened);
    catalog_ = std::make_unique<Catalog>(*database_);
    outbox_ = std::make_unique<Outbox>(*database_);
    auto target = std::make_unique<FakeTarget>();
    target_ = target.get();
    next_target_ = std::move(target);
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
    worker_ = std::make_unique<UploadWorker>(
        layout_, *catalog_, std::move(next_target_),
        [this](const UploadReport& report) {
          const std::lock_guard lock(mutex_);
          reports_.push_back(report);
        },
        clock_, [this] { return volume_is_there_.load(); });
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
  // Time goes by, and the worker looks again.
  void advance(microseconds by) {
    clock_.advance(by);
    worker_->wake();
  }

  const TempDir dir_;
  const Layout layout_;
  FakeClock clock_;
  std::atomic<bool> volume_is_there_{true};
  std::unique_ptr<Database> database_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Target> next_target_;
  FakeTarget* target_;
  std::mutex mutex_;
  std::vector<UploadReport> reports_;
  std::unique_ptr<UploadWorker> worker_;
};

TEST_F(UploadWorkerTest, TakesRowsByPriorityThenByAge) {
  const auto low = add("a", Priority::low);
  const auto first = add("b");
  const auto second = add("c");
  const auto high = add("d", Priority::high);
  start();
  ASSERT_TRUE(wait_for_reports(4));
  EXPECT_THAT(target_->tries(), ElementsAre(high.subject_id, first.subject_id, second.subject_id, low.subject_id));
  EXPECT_EQ(waiting_rows(), 0);
}

TEST_F(UploadWorkerTest, TakesWhatIsAddedLaterWhenWoken) {
  start();
  const auto upload = add();
  worker_->wake();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].done);
  EXPECT_EQ(reports()[0].upload.subject_id, upload.subject_id);
}

TEST_F(UploadWorkerTest, CommitsTheEventTogetherWithTheProof) {
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
  EXPECT_EQ(worker_->uploaded_bytes_total(), 12u);
  EXPECT_EQ(HistogramWindow(worker_->upload_time()).next().count, 1u);
}

// Into a real folder, as its text is in no file.
TEST_F(UploadWorkerTest, DeliversManifestsOutOfTheCatalogAndBeforeTheirClips) {
  Catalog issuing(*database_, {"edge-01", nullptr, true});
  Upload upload = make_upload(dir_.path(), "content");
  Clip clip;
  clip.clip_id = upload.subject_id;
  clip.camera_id = "front";
  clip.path = upload.path;
  clip.start = upload.start;
  clip.end = upload.end;
  clip.sha256 = upload.sha256;
  ASSERT_TRUE(issuing.finish_clip(clip, {}, upload));
  next_target_ = make_directory_target(dir_.path() / "objects");
  start();
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_EQ(reports()[0].upload.kind, "manifest");
  EXPECT_EQ(reports()[1].upload.kind, "clip");
  auto object = dir_.path() / "objects" / upload.object_key;
  EXPECT_EQ(test::read_text(object), "content");
  EXPECT_EQ(test::read_text(object.replace_extension(".json")), *catalog_->manifest(clip.clip_id));
  EXPECT_EQ(events().size(), 1u) << "clip.uploaded, and nothing of the manifest";
}

TEST_F(UploadWorkerTest, EndsAManifestThatNobodyHasAnyMore) {
  Upload upload = make_upload(dir_.path(), "content");
  upload.kind = "manifest";
  ASSERT_TRUE(catalog_->add_upload(upload));
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_FALSE(reports()[0].done || reports()[0].will_retry);
}

TEST_F(UploadWorkerTest, LeavesTheEventsOfSnapshotsToOthers) {
  add("jpeg", Priority::normal, "snapshot");
  target_->will_give({Code::upload_failed});
  start();
  ASSERT_TRUE(wait_for_reports(1));
  advance(1s);
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_TRUE(reports()[1].done);
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(UploadWorkerTest, GoesOnWithOthersWhenARowAloneFails) {
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

TEST_F(UploadWorkerTest, LeavesATargetAloneThatIsAway) {
  for (int i = 0; i < 5; ++i) add();
  target_->will_give({Code::camera_unavailable, Code::timed_out, Code::busy});
  start();
  ASSERT_TRUE(wait_for_reports(1));
  const auto late = add("a", Priority::high);
  for (const microseconds pause : {1s, 2s}) {
    const size_t before = target_->tries().size();
    advance(pause / 2 - 1ms);  // the shortest that jitter makes of it
    advance(0s);
    add();
    worker_->wake();
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

TEST_F(UploadWorkerTest, NeverGivesUpAndWaitsAMinuteAtMost) {
  add();
  constexpr int kFailures = 15;
  target_->will_give(std::vector<Code>(kFailures, Code::timed_out));
  start();
  for (int i = 1; i <= kFailures; ++i) {
    ASSERT_TRUE(wait_for_reports(static_cast<size_t>(i)));
    advance(60s);
  }
  ASSERT_TRUE(wait_for_reports(kFailures + 1));
  EXPECT_TRUE(reports().back().done);
  EXPECT_EQ(reports().back().upload.attempts, kFailures + 1);
}

TEST_F(UploadWorkerTest, TellsOfAFailureOncePerCode) {
  const auto upload = add();
  const std::vector<Code> codes = {Code::forbidden, Code::forbidden, Code::not_found, Code::not_found, Code::forbidden};
  target_->will_give(codes);
  start();
  for (size_t i = 1; i <= codes.size(); ++i) {
    ASSERT_TRUE(wait_for_reports(i));
    advance(60s);
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

TEST_F(UploadWorkerTest, EndsARowWhoseFileIsGone) {
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
TEST_F(UploadWorkerTest, KeepsARowWhoseFileIsMissingOnAnotherVolume) {
  next_target_ = make_directory_target(dir_.path() / "nas");
  const auto upload = add();
  std::filesystem::remove(dir_.path() / upload.path);
  volume_is_there_ = false;
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].will_retry);
  EXPECT_EQ(waiting_rows(), 1);
}

TEST_F(UploadWorkerTest, KeepsARowWhenTheWholeStorageFolderIsAway) {
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

TEST_F(UploadWorkerTest, StopsInMidUploadAndTheNextOneDelivers) {
  const auto upload = add();
  target_->hangs = true;
  start();
  ASSERT_TRUE(target_->wait_for_tries(1));
  const MonoTime begin = Clock::system().mono();
  worker_.reset();
  EXPECT_LT(Clock::system().mono() - begin, 1s);
  EXPECT_THAT(reports(), IsEmpty());
  EXPECT_THAT(events(), IsEmpty());

  next_target_ = std::make_unique<FakeTarget>();
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].done);
  EXPECT_EQ(reports()[0].upload.subject_id, upload.subject_id);
}

TEST_F(UploadWorkerTest, DeliversWhatAKillLeftUnderWay) {
  const auto upload = add();
  ASSERT_TRUE(catalog_->claim_upload(clock_.utc()));
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_EQ(reports()[0].upload.attempts, 2);
}

TEST_F(UploadWorkerTest, DoesNotWaitForAClockThatWasSetBack) {
  add();
  target_->will_give({Code::upload_failed});
  start();
  ASSERT_TRUE(wait_for_reports(1));
  clock_.step_utc(-10h);
  worker_->wake();
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_TRUE(reports()[1].done);
}

TEST_F(UploadWorkerTest, GoesOnWhenARowVanishesUnderIt) {
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

}  // namespace
}  // namespace vedette
