// Processes that are killed in the middle of an object in parts; the next one goes on there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <random>

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
using test::make_upload;
using test::S3Server;
using test::some_content;
using test::TcpProxy;
using test::TempDir;

constexpr milliseconds kLimit{60000};
constexpr int64_t kPart = 5 << 20;
constexpr size_t kParts = 8;

// The parameter: whether it is Swift.
class UploadKillTest : public ::testing::TestWithParam<bool> {
 protected:
  UploadKillTest() {
    s3_.create_bucket("clips");
    upload_ = make_upload(dir_.path(), some_content(kParts * kPart));
    auto database = Database::open(layout_.database());
    row_ = Catalog(**database).add_upload(upload_)->row;
  }
  // Runs the engine until `until` says enough; false: it never did.
  bool deliver(int64_t bits_per_s, const std::function<bool(Catalog&)>& until) const {
    auto database = Database::open(layout_.database());
    if (!database) return false;
    Catalog catalog(**database);
    S3Config config;
    config.endpoint = proxy_.endpoint();
    config.bucket = "clips";
    config.part_size_bytes = kPart;
    UploadHooks hooks;
    hooks.on_report = [](const UploadReport&) {};
    UploadEngine engine(layout_, catalog,
                        make_s3_target(config, constant_credentials({s3_.access_key(), s3_.secret_key(), ""})),
                        std::move(hooks));
    engine.set_rate(bits_per_s);
    return eventually(kLimit, [&] { return until(catalog); });
  }
  bool is_delivered(Catalog& catalog) const { return catalog.upload_figures(Clock::system().utc())->rows == 0; }
  // In a process of its own, which ends itself by SIGKILL when `until` says so, or when all is delivered.
  void deliver_and_be_killed(int64_t bits_per_s, const std::function<bool(Catalog&)>& until) const {
    const pid_t child = fork();
    if (child == 0) {
      static_cast<void>(deliver(bits_per_s, [&](Catalog& catalog) {
        if (until(catalog) || is_delivered(catalog)) raise(SIGKILL);
        return false;
      }));
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

  // How often each part was sent after the store had said that it has it.
  std::map<std::string, int> sent_again() const {
    std::map<std::string, int> taken, again;
    for (const auto& exchange : proxy_.exchanges()) {
      const size_t at = exchange.request.find("partNumber=");
      if (!exchange.request.starts_with("PUT ") || at == std::string::npos) continue;
      const std::string part = exchange.request.substr(at, exchange.request.find('&', at) - at);
      if (taken[part] > 0) ++again[part];
      if (exchange.status == 200) ++taken[part];
    }
    return again;
  }
  // How many were begun, or of those that the store has answered so.
  size_t parts(std::optional<int> status = {}) const {
    const auto exchanges = proxy_.exchanges();
    return static_cast<size_t>(std::count_if(exchanges.begin(), exchanges.end(), [&](const auto& exchange) {
      return exchange.request.starts_with("PUT ") && exchange.request.find("partNumber=") != std::string::npos &&
             (!status || exchange.status == *status);
    }));
  }
  void expect_delivered_once() const {
    EXPECT_TRUE(sent_again().empty());
    EXPECT_LE(parts(200), kParts);  // an answer that came as the process died is not counted
    EXPECT_EQ(sha256_hex(s3_.request("GET", "/clips/" + upload_.object_key).body), upload_.sha256);
    auto database = Database::open(layout_.database());
    EXPECT_EQ(Outbox(**database).next(0, 10)->size(), 1u);
  }

  const TempDir dir_;
  const Layout layout_{dir_.path(), "edge-01", ""};
  const S3Server s3_{{.swift = GetParam()}};
  const TcpProxy proxy_{s3_.endpoint()};
  Upload upload_;
  int64_t row_ = 0;
};

const auto kNames = [](const auto& it) { return it.param ? "Swift" : "Ceph"; };
INSTANTIATE_TEST_SUITE_P(, UploadKillTest, ::testing::Bool(), kNames);

TEST_P(UploadKillTest, NoFinishedPartIsSentTwiceAfterAKillAndItGoesOnAtOnce) {
  deliver_and_be_killed(0, [&](Catalog& catalog) { return catalog.parts(row_)->size() >= 3; });
  ASSERT_TRUE(sent_again().empty());

  const int64_t before = proxy_.bytes_up();
  const size_t parts_before = parts();
  const MonoTime begin = Clock::system().mono();
  std::optional<microseconds> first_part;
  ASSERT_TRUE(deliver(0, [&](Catalog& catalog) {
    if (!first_part && parts() > parts_before) first_part = Clock::system().mono() - begin;
    return is_delivered(catalog);
  }));
  ASSERT_TRUE(first_part);
  RecordProperty("resumed_after_ms", static_cast<int>(to_ms(*first_part)));
  EXPECT_LT(*first_part, 5s) << "aim: a second; on a machine that does something else, too";
  // What was on its way when the process was killed, less than a part, may be counted later than that.
  EXPECT_LT(proxy_.bytes_up() - before, upload_.size_bytes - 3 * kPart + kPart);
  expect_delivered_once();
}

class UploadKillsSlowTest : public UploadKillTest {};
INSTANTIATE_TEST_SUITE_P(, UploadKillsSlowTest, ::testing::Bool(), kNames);

// At instants that have nothing to do with what goes on. The rate is what makes there be so many.
TEST_P(UploadKillsSlowTest, NoFinishedPartIsSentTwiceWheneverTheKillsCome) {
  std::minstd_rand random(4711);
  std::uniform_int_distribution<int> lives_ms(100, 1500);
  constexpr int64_t kBitsPerS = 60'000'000;  // a part takes 0.7 s
  int kills = 0;
  for (bool done = false; !done && kills < 60; ++kills) {
    const MonoTime end = Clock::system().mono() + milliseconds(lives_ms(random));
    deliver_and_be_killed(kBitsPerS, [&](Catalog&) { return Clock::system().mono() >= end; });
    auto database = Database::open(layout_.database());
    Catalog catalog(**database);
    done = is_delivered(catalog);
  }
  ASSERT_TRUE(deliver(0, [&](Catalog& catalog) { return is_delivered(catalog); }));
  RecordProperty("kills", kills);
  EXPECT_GE(kills, 3);
  expect_delivered_once();
}

}  // namespace
}  // namespace vedette
