// The engine, the catalog and a real object store together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/s3_server.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/s3_config.h"
#include "uploader/upload_engine.h"

namespace vedette {
namespace {

using test::eventually;
using test::make_upload;
using test::S3Server;
using test::some_content;
using test::TempDir;

constexpr auto kBucket = "clips";
constexpr milliseconds kLimit{60000};

class UploadDeliveryTest : public ::testing::Test {
 protected:
  UploadDeliveryTest()
      : layout_{dir_.path(), "edge-01", ""}, database_(std::move(*Database::open(layout_.database()))) {
    s3_.create_bucket(kBucket);
  }

  void start_engine() {
    S3Config config;
    config.endpoint = s3_.endpoint();
    config.bucket = kBucket;
    S3Timeouts timeouts;
    timeouts.stall = 1s;
    UploadHooks hooks;
    hooks.on_report = [this](const UploadReport& report) { failures_ += report.done ? 0 : 1; };
    engine_ = std::make_unique<UploadEngine>(
        layout_, catalog_,
        make_s3_target(config, constant_credentials({s3_.access_key(), s3_.secret_key(), ""}), Clock::system(),
                       timeouts),
        std::move(hooks));
  }
  Upload add(size_t size, unsigned seed) {
    const auto upload = make_upload(dir_.path(), some_content(size, seed));
    EXPECT_TRUE(catalog_.add_upload(upload));
    if (engine_) engine_->wake();
    return upload;
  }
  bool all_delivered() {
    return eventually(kLimit, [&] { return catalog_.upload_figures(Clock::system().utc())->rows == 0; });
  }
  // How often each clip was said to be uploaded.
  std::map<std::string, int> uploaded_events() {
    std::map<std::string, int> count;
    const auto events = outbox_.next(0, 1000);
    for (const auto& event : *events)
      if (event.type == "clip.uploaded") ++count[Json::parse(event.data)["clip_id"]];
    return count;
  }

  const TempDir dir_;
  const Layout layout_;
  const S3Server s3_;
  std::unique_ptr<Database> database_;
  Catalog catalog_{*database_};
  Outbox outbox_{*database_};
  std::atomic<int> failures_{0};
  std::unique_ptr<UploadEngine> engine_;
};

TEST_F(UploadDeliveryTest, DeliversAllThatWasQueuedInAnOutageEachOnce) {
  start_engine();
  s3_.stop();
  std::vector<Upload> uploads;
  for (unsigned i = 0; i < 20; ++i) uploads.push_back(add(100'000 + i, i));
  ASSERT_TRUE(eventually(kLimit, [&] { return failures_ >= 2; }));
  EXPECT_LT(failures_, 10);  // probes, not every row
  s3_.start();
  ASSERT_TRUE(all_delivered());
  const auto events = uploaded_events();
  EXPECT_EQ(events.size(), uploads.size());
  for (const auto& upload : uploads) {
    EXPECT_EQ(events.at(upload.subject_id), 1);
    EXPECT_EQ(sha256_hex(s3_.request("GET", "/clips/" + upload.object_key).body), upload.sha256);
  }
}

TEST_F(UploadDeliveryTest, DeliversWhenAHangingStoreGoesOn) {
  start_engine();
  const auto first = add(100'000, 1);
  ASSERT_TRUE(all_delivered());
  s3_.pause();
  const auto second = add(5'000'000, 2);
  ASSERT_TRUE(eventually(kLimit, [&] { return failures_ >= 1; }));
  s3_.resume();
  ASSERT_TRUE(all_delivered());
  EXPECT_EQ(uploaded_events(), (std::map<std::string, int>{{first.subject_id, 1}, {second.subject_id, 1}}));
  EXPECT_EQ(sha256_hex(s3_.request("GET", "/clips/" + second.object_key).body), second.sha256);
}

TEST_F(UploadDeliveryTest, StopsWithinASecondInMidUpload) {
  start_engine();
  s3_.pause();
  add(5'000'000, 1);
  ASSERT_TRUE(eventually(kLimit, [&] { return !*catalog_.next_upload_at(); }));  // claimed
  const MonoTime begin = Clock::system().mono();
  engine_.reset();
  EXPECT_LT(Clock::system().mono() - begin, 1s);
  s3_.resume();
  start_engine();
  ASSERT_TRUE(all_delivered());
}

}  // namespace
}  // namespace vedette
