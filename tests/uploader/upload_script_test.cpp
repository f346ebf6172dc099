// The engine and the catalog against a scripted store: what it answers decides about rows, lanes and the breaker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/md5.h"
#include "tests/support/fake_clock.h"
#include "tests/support/http_script.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/s3_config.h"
#include "uploader/upload_engine.h"

namespace vedette {
namespace {

using test::eventually;
using test::FakeClock;
using test::HttpScript;
using test::make_upload;
using test::TempDir;
using Answer = HttpScript::Answer;

constexpr milliseconds kLimit{60000};
constexpr auto kContent = "content";

Answer taken() {
  return {200, {{"ETag", "\"" + md5_hex(kContent) + "\""}}};
}

class UploadScriptTest : public ::testing::Test {
 protected:
  UploadScriptTest() : layout_{dir_.path(), "edge-01", ""}, database_(std::move(*Database::open(layout_.database()))) {}

  void start_engine(const Clock& clock) {
    S3Config config;
    config.endpoint = server_.endpoint();
    config.bucket = "clips";
    engine_ = std::make_unique<UploadEngine>(
        layout_, catalog_, make_s3_target(config, constant_credentials({"key", "secret", ""}), clock),
        UploadHooks{.on_report = [this](const UploadReport& report) { failures_ += report.done ? 0 : 1; }}, clock);
  }
  void add(int clips) {
    for (int i = 0; i < clips; ++i) ASSERT_TRUE(catalog_.add_upload(make_upload(dir_.path(), kContent)));
  }
  void set_answer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  int64_t rows() { return catalog_.upload_figures(clock_.utc())->rows; }
  // Nothing is under way, and nothing may begin.
  bool is_at_rest() {
    const auto activity = engine_->activity();
    if (!activity.under_way.empty()) return false;
    if (activity.next_probe && *activity.next_probe > clock_.mono()) return true;
    const auto next = *catalog_.next_upload_at();
    return rows() == 0 || (next && *next > clock_.utc());
  }
  void advance(microseconds by) {
    clock_.advance(by);
    engine_->wake();
    EXPECT_TRUE(eventually(kLimit, [&] { return is_at_rest(); }));
  }

  const TempDir dir_;
  const Layout layout_;
  FakeClock clock_{std::chrono::floor<microseconds>(std::chrono::system_clock::now())};
  std::unique_ptr<Database> database_;
  Catalog catalog_{*database_};
  std::atomic<int> failures_{0};
  std::atomic<int> slow_downs_{0};  // to come
  std::mutex mutex_;
  Answer answer_ = taken();
  HttpScript server_{[this](const HttpScript::Request&) -> Answer {
    if (slow_downs_ > 0 && slow_downs_-- > 0) return {503, {}, "<Error><Code>SlowDown</Code></Error>"};
    const std::lock_guard lock(mutex_);
    return answer_;
  }};
  std::unique_ptr<UploadEngine> engine_;
};

// All rows would fail alike: a hotel's portal gets a probe a minute, and no row of them all is tried on its own.
class UploadPortalTest : public UploadScriptTest, public ::testing::WithParamInterface<Answer> {};

TEST_P(UploadPortalTest, WhatIsNotTheStoreGetsAProbeAMinute) {
  set_answer(GetParam());
  add(20);
  start_engine(clock_);
  for (int step = 0; step < 120; ++step) advance(5s);
  EXPECT_GT(failures_, Breaker::kFailures);
  EXPECT_LE(failures_, Breaker::kFailures + 10);
  EXPECT_LE(server_.requests().size(), 2 * static_cast<size_t>(failures_)) << "each and, at most, a look";
  EXPECT_EQ(rows(), 20);
  EXPECT_EQ(engine_->activity().breaker, BreakerState::open);

  set_answer(taken());
  for (int step = 0; step < 60 && rows() > 0; ++step) advance(5s);
  EXPECT_EQ(rows(), 0);
}

INSTANTIATE_TEST_SUITE_P(Portals, UploadPortalTest,
                         ::testing::Values(Answer{302, {{"Location", "http://portal.invalid/"}}},
                                           Answer{200, {{"Content-Type", "text/html"}}, "<html>Log in</html>"},
                                           Answer{200, {{"ETag", "\"5f1d2c-264\""}}}, Answer{405}),
                         [](const auto& one) { return "Nr" + std::to_string(one.index); });

TEST_F(UploadScriptTest, UsesMoreLanesWhileTheyServeAndFewerWhenTheStoreAsksForIt) {
  Answer slow = taken();
  slow.latency = 100ms;
  set_answer(slow);
  add(150);
  start_engine(Clock::system());
  ASSERT_TRUE(eventually(kLimit, [&] { return engine_->activity().lanes >= 3 && server_.most_at_once() >= 3; }))
      << engine_->activity().lanes << " lanes, " << rows() << " rows left";
  const int lanes = engine_->activity().lanes;
  slow_downs_ = 1;
  ASSERT_TRUE(eventually(kLimit, [&] { return failures_ >= 1; }));
  EXPECT_TRUE(eventually(kLimit, [&] { return engine_->activity().lanes <= lanes / 2 + 1; }));
  EXPECT_LE(engine_->activity().lanes, 2);
  slow.latency = 0ms;
  set_answer(slow);
  EXPECT_TRUE(eventually(kLimit, [&] { return rows() == 0; }));
  EXPECT_EQ(failures_, 1);
}

}  // namespace
}  // namespace vedette
