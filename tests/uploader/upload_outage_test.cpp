// A store that is away for long while clips come in: what it costs meanwhile, and what is there in the end. The engine
// and the catalog against a real store, by a clock that is advanced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"
#include "tests/support/s3_server.h"
#include "tests/support/tcp_proxy.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/s3_config.h"
#include "uploader/upload_engine.h"

namespace vedette {
namespace {

using test::eventually;
using test::FakeClock;
using test::make_upload;
using test::S3Server;
using test::some_content;
using test::TcpProxy;
using test::TempDir;

constexpr milliseconds kLimit{60000};
constexpr seconds kStep{5};

class UploadOutageTest : public ::testing::Test {
 protected:
  UploadOutageTest() : layout_{dir_.path(), "edge-01", ""}, database_(std::move(*Database::open(layout_.database()))) {
    s3_.create_bucket("clips");
  }
  void start_engine() {
    S3Config config;
    config.endpoint = proxy_.endpoint();
    config.bucket = "clips";
    UploadHooks hooks;
    hooks.on_report = [this](const UploadReport& report) { failures_ += report.done ? 0 : 1; };
    engine_ = std::make_unique<UploadEngine>(
        layout_, catalog_,
        make_s3_target(config, constant_credentials({s3_.access_key(), s3_.secret_key(), ""}), clock_),
        std::move(hooks), clock_);
  }
  int64_t rows() { return catalog_.upload_figures(clock_.utc())->rows; }
  // Time goes by, and what falls due in it is done.
  void advance() {
    clock_.advance(kStep);
    engine_->wake();
    EXPECT_TRUE(eventually(kLimit, [&] { return is_at_rest(); }));
  }
  // Nothing is under way, and nothing may begin.
  bool is_at_rest() {
    const auto activity = engine_->activity();
    if (!activity.under_way.empty()) return false;
    if (activity.next_probe && *activity.next_probe > clock_.mono()) return true;
    const auto next = *catalog_.next_upload_at();
    return rows() == 0 || (next && *next > clock_.utc());
  }
  void expect_untouched(const std::vector<Upload>& uploads) const {
    for (const Upload& upload : uploads)
      ASSERT_EQ(sha256_hex(test::read_text(dir_.path() / upload.path)), upload.sha256) << upload.path;
  }
  // How often each key was written, by the store's answers.
  std::map<std::string, int> puts_taken() const {
    std::map<std::string, int> out;
    for (const auto& exchange : proxy_.exchanges())
      if (exchange.request.starts_with("PUT /clips/") && exchange.status == 200)
        ++out[exchange.request.substr(std::string("PUT /clips/").size())];
    return out;
  }
  std::map<std::string, int> uploaded_events() {
    std::map<std::string, int> out;
    const auto events = outbox_.next(0, 5000);
    for (const auto& event : *events)
      if (event.type == "clip.uploaded") ++out[Json::parse(event.data)["clip_id"]];
    return out;
  }

  // So many clips, evenly over so long, into a store that is away.
  void outage(int clips, seconds length) {
    clock_.step_utc(-length);  // the store's time goes on as it does; ours ends there
    proxy_.set_away(true);
    start_engine();
    std::vector<Upload> uploads;
    std::vector<MonoTime> probes;
    const MonoTime begin = clock_.mono();
    while (clock_.mono() < begin + length) {
      while (static_cast<int>(uploads.size()) < clips &&
             clock_.mono() >= begin + length * static_cast<int>(uploads.size()) / clips) {
        uploads.push_back(make_upload(dir_.path(), some_content(20'000, static_cast<unsigned>(uploads.size()))));
        ASSERT_TRUE(catalog_.add_upload(uploads.back()));
      }
      const int before = failures_;
      advance();
      // Of the first ones, which come fast, one may be heard of a step late.
      for (int i = before; i < failures_; ++i) probes.push_back(clock_.mono());
    }
    ASSERT_EQ(static_cast<int>(uploads.size()), clips);
    ASSERT_GT(probes.size(), static_cast<size_t>(Breaker::kFailures));
    for (size_t i = Breaker::kFailures; i < probes.size(); ++i)
      EXPECT_GE(probes[i] - probes[i - 1], Breaker::kProbePause) << "probe " << i;
    EXPECT_LE(static_cast<size_t>(proxy_.connections()), 2 * probes.size()) << "a probe and, at most, a look";
    EXPECT_EQ(rows(), clips);
    EXPECT_TRUE(puts_taken().empty());
    expect_untouched(uploads);

    proxy_.set_away(false);
    const auto all_there = [&] { return rows() == 0; };
    for (seconds waited{0}; waited < 3 * Breaker::kProbePause && !all_there(); waited += kStep) {
      clock_.advance(kStep);
      engine_->wake();
      static_cast<void>(eventually(milliseconds(200), all_there));
    }
    EXPECT_TRUE(eventually(kLimit, all_there)) << rows() << " are still waiting";
    const auto puts = puts_taken();
    const auto events = uploaded_events();
    EXPECT_EQ(puts.size(), uploads.size());
    EXPECT_EQ(events.size(), uploads.size());
    for (const Upload& upload : uploads) {
      EXPECT_EQ(puts.count(upload.object_key) == 1 ? puts.at(upload.object_key) : 0, 1) << upload.object_key;
      EXPECT_EQ(events.count(upload.subject_id) == 1 ? events.at(upload.subject_id) : 0, 1) << upload.subject_id;
    }
    for (const size_t i : {size_t{0}, uploads.size() / 2, uploads.size() - 1})
      EXPECT_EQ(sha256_hex(s3_.request("GET", "/clips/" + uploads[i].object_key).body), uploads[i].sha256);
    expect_untouched(uploads);
  }

  const TempDir dir_;
  const Layout layout_;
  const S3Server s3_;
  TcpProxy proxy_{s3_.endpoint()};
  FakeClock clock_{std::chrono::floor<microseconds>(std::chrono::system_clock::now())};
  std::unique_ptr<Database> database_;
  Catalog catalog_{*database_};
  Outbox outbox_{*database_};
  std::atomic<int> failures_{0};
  std::unique_ptr<UploadEngine> engine_;
};

TEST_F(UploadOutageTest, TenMinutesCostAProbeAMinuteAndAllIsDeliveredOnce) {
  outage(40, 600s);
}

class UploadOutageSlowTest : public UploadOutageTest {};

TEST_F(UploadOutageSlowTest, TwoHoursWith500ClipsCostAProbeAMinuteAndAllIsDeliveredOnce) {
  outage(500, 7200s);
}

}  // namespace
}  // namespace vedette
