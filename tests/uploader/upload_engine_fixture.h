#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/catalog.h"
#include "storage/outbox.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"
#include "tests/uploader/fake_target.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/upload_engine.h"

namespace vedette::test {

inline constexpr milliseconds kLimit{10000};

// The engine with a real catalog, a target that does as it is told, and a clock that the test moves.
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
    upload.queued_at = clock_.utc();
    upload.command_id = new_id();
    const auto added = catalog_->add_upload(upload);
    EXPECT_TRUE(added);
    return *added;
  }
  void start(int64_t bits_per_s = 0) {
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
    engine_ = std::make_unique<UploadEngine>(layout_, *catalog_, std::move(next_target_), std::move(hooks), clock_,
                                             bits_per_s);
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

}  // namespace vedette::test
