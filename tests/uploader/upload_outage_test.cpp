// A store that is away for long while clips come in, and what is uploaded is to be deleted: what it costs meanwhile,
// and what is there in the end, here and in the store. The engine, the catalog and retention against a real store, by a
// clock that is advanced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "storage/clip_remover.h"
#include "storage/retention.h"
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
using test::S3Server;
using test::some_content;
using test::TcpProxy;
using test::TempDir;

constexpr milliseconds kLimit{60000};
constexpr seconds kStep{5};
constexpr const char* kKinds[] = {".mp4", ".json", ".jpg"};

RetentionLimits delete_uploaded() {
  RetentionLimits limits;
  limits.delete_uploaded = true;
  return limits;
}

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
  // As a recorder and the maker of posters leave it: two files, and three rows.
  Upload record(unsigned seed) {
    const std::string content = some_content(20'000, seed), picture = some_content(500, seed + 1'000'000);
    const UtcTime start = clock_.utc() - 10s;
    Clip clip;
    clip.clip_id = new_id(start);
    clip.recording_id = new_id(start);
    clip.camera_id = "front";
    clip.state = ClipState::ready;
    clip.start = start;
    clip.end = start + 10s;
    clip.size_bytes = static_cast<int64_t>(content.size());
    clip.codec = "h264";
    clip.sha256 = sha256_hex(content);
    clip.path = Layout::clip_path("front", clip.clip_id, start);
    Upload upload;
    upload.kind = "clip";
    upload.subject_id = clip.clip_id;
    upload.camera_id = "front";
    upload.path = clip.path;
    upload.object_key = layout_.clip_key(clip.path);
    upload.content_type = "video/mp4";
    upload.size_bytes = clip.size_bytes;
    upload.sha256 = clip.sha256;
    upload.start = start;
    upload.end = *clip.end;
    std::filesystem::create_directories((dir_.path() / clip.path).parent_path());
    test::write_text(dir_.path() / clip.path, content);
    test::write_text(poster_of(upload), picture);
    EXPECT_TRUE(catalog_.finish_clip(clip, {}, upload));
    EXPECT_TRUE(catalog_.finish_poster(clip.clip_id, static_cast<int64_t>(picture.size()), sha256_hex(picture)));
    return upload;
  }
  std::filesystem::path poster_of(const Upload& upload) const { return Layout::poster_path(dir_.path() / upload.path); }
  // What `kind` of it is called in the store.
  static std::string key_of(const Upload& upload, const std::string& kind) {
    return upload.object_key.substr(0, upload.object_key.rfind('.')) + kind;
  }
  int delete_what_is_uploaded() {
    const auto passed = retention_.pass();
    EXPECT_TRUE(passed) << passed.error().message;
    return passed ? passed->deleted : 0;
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
    for (const Upload& upload : uploads) {
      ASSERT_EQ(sha256_hex(test::read_text(dir_.path() / upload.path)), upload.sha256) << upload.path;
      ASSERT_TRUE(std::filesystem::exists(poster_of(upload))) << upload.path;
    }
  }
  // What is not here any more is in the store, with all that belongs to it.
  void expect_gone_only_after_its_proof(const std::vector<Upload>& uploads) const {
    const auto puts = puts_taken();
    for (const Upload& upload : uploads) {
      if (std::filesystem::exists(dir_.path() / upload.path)) continue;
      for (const char* kind : kKinds) EXPECT_EQ(puts.count(key_of(upload, kind)), 1u) << key_of(upload, kind);
    }
  }
  // How often each key was written, by the store's answers.
  std::map<std::string, int> puts_taken() const {
    std::map<std::string, int> out;
    for (const auto& exchange : proxy_.exchanges())
      if (exchange.request.starts_with("PUT /clips/") && exchange.status == 200)
        ++out[exchange.request.substr(std::string("PUT /clips/").size())];
    return out;
  }
  // How often it was told of each clip.
  std::map<std::string, int> events(const std::string& type) {
    std::map<std::string, int> out;
    const auto all = outbox_.next(0, 5000);
    for (const auto& event : *all)
      if (event.type == type) ++out[Json::parse(event.data)["clip_id"]];
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
        uploads.push_back(record(static_cast<unsigned>(uploads.size())));
      }
      const int before = failures_;
      advance();
      ASSERT_EQ(delete_what_is_uploaded(), 0);
      // Of the first ones, which come fast, one may be heard of a step late.
      for (int i = before; i < failures_; ++i) probes.push_back(clock_.mono());
    }
    ASSERT_EQ(static_cast<int>(uploads.size()), clips);
    ASSERT_GT(probes.size(), static_cast<size_t>(Breaker::kFailures));
    for (size_t i = Breaker::kFailures + 1; i < probes.size(); ++i)  // two went at once at first, and count as one
      EXPECT_GE(probes[i] - probes[i - 1], Breaker::kProbePause) << "probe " << i;
    EXPECT_LE(static_cast<size_t>(proxy_.connections()), 2 * probes.size()) << "a probe and, at most, a look";
    EXPECT_EQ(rows(), 3 * clips);
    EXPECT_TRUE(puts_taken().empty());
    expect_untouched(uploads);

    proxy_.set_away(false);
    int deleted = 0;
    const auto all_there = [&] { return rows() == 0; };
    for (seconds waited{0}; waited < 3 * Breaker::kProbePause && !all_there(); waited += kStep) {
      clock_.advance(kStep);
      engine_->wake();
      static_cast<void>(eventually(milliseconds(200), all_there));
      deleted += delete_what_is_uploaded();
      expect_gone_only_after_its_proof(uploads);
    }
    EXPECT_TRUE(eventually(kLimit, all_there)) << rows() << " are still waiting";
    while (const int more = delete_what_is_uploaded()) deleted += more;
    EXPECT_EQ(deleted, clips);
    expect_all_delivered_and_gone(uploads);
  }
  void expect_all_delivered_and_gone(const std::vector<Upload>& uploads) {
    const auto puts = puts_taken();
    const auto uploaded = events("clip.uploaded"), deleted = events("clip.deleted");
    const auto times = [](const std::map<std::string, int>& of, const std::string& what) {
      const auto it = of.find(what);
      return it == of.end() ? 0 : it->second;
    };
    EXPECT_EQ(puts.size(), std::size(kKinds) * uploads.size());
    EXPECT_EQ(uploaded.size(), uploads.size());
    for (const Upload& upload : uploads) {
      for (const char* kind : kKinds) EXPECT_EQ(times(puts, key_of(upload, kind)), 1) << key_of(upload, kind);
      EXPECT_EQ(times(uploaded, upload.subject_id), 1) << upload.subject_id;
      EXPECT_EQ(times(deleted, upload.subject_id), 1) << upload.subject_id;
      EXPECT_FALSE(std::filesystem::exists(dir_.path() / upload.path));
      EXPECT_FALSE(std::filesystem::exists(poster_of(upload)));
    }
    for (const size_t i : {size_t{0}, uploads.size() / 2, uploads.size() - 1})
      EXPECT_EQ(sha256_hex(s3_.request("GET", "/clips/" + uploads[i].object_key).body), uploads[i].sha256);
  }

  const TempDir dir_;
  const Layout layout_;
  const S3Server s3_;
  TcpProxy proxy_{s3_.endpoint()};
  FakeClock clock_{std::chrono::floor<microseconds>(std::chrono::system_clock::now())};
  std::unique_ptr<Database> database_;
  Catalog catalog_{*database_, ManifestIssuer{"edge-01", nullptr, true}, true};
  ClipRemover remover_{layout_, catalog_, clock_};
  Retention retention_{layout_, catalog_, remover_, delete_uploaded(), clock_};
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
