// Every fault that a real store, or the way to it, can be made to show: what it comes to, that nothing of a refused
// object is there, and that the object is delivered as soon as the fault is over. Two implementations of S3, with and
// without TLS; what is expected stands in docs/design/uploads.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "tests/support/fake_clock.h"
#include "tests/support/http_proxy.h"
#include "tests/support/ports.h"
#include "tests/support/s3_server.h"
#include "tests/support/tcp_proxy.h"
#include "tests/support/temp_dir.h"
#include "tests/uploader/fault_table.h"
#include "tests/uploader/transfer_run.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/s3_config.h"

namespace vedette {
namespace {

using test::FakeClock;
using test::FaultTable;
using test::HttpProxy;
using test::make_upload;
using test::S3Server;
using test::some_content;
using test::TcpProxy;
using test::TempDir;
using test::TransferRun;
using ::testing::ElementsAre;

constexpr size_t kSmall = 3'000'000;
constexpr size_t kLarge = 11 * 1024 * 1024;  // three parts
constexpr int64_t kHeads = 64 * 1024;        // more than the heads of all requests, less than any body

struct Store {
  bool swift = false;
  bool tls = false;
  std::string column() const { return std::string(swift ? "Swift" : "Ceph") + (tls ? ", https" : ", http"); }
};

class ConformanceTest : public ::testing::TestWithParam<Store> {
 protected:
  ConformanceTest() {
    s3_.create_bucket("clips");
    good_.endpoint = s3_.endpoint();
    good_.bucket = "clips";
    good_.device_id = "edge-01";
    good_.part_size_bytes = 5 << 20;
    if (GetParam().tls) good_.ca_file = s3_.certificates().ca;
  }
  bool swift() const { return GetParam().swift; }

  std::unique_ptr<Target> target(const S3Config& config) const {
    return make_s3_target(config, constant_credentials(keys_), clock_, timeouts_);
  }
  std::string put(const Upload& upload, const S3Config& config) {
    return outcome(TransferRun(upload).run(*target(config), dir_.path() / upload.path));
  }
  // "forbidden (403 SignatureDoesNotMatch)"
  static std::string outcome(const Result<UploadProof>& proof) {
    if (proof) return "delivered";
    std::string out(code_name(proof.error().code));
    std::smatch said;
    if (std::regex_search(proof.error().message, said, std::regex("HTTP ([0-9]+)( [A-Za-z]+)?")))
      out += " (" + said.str(1) + said.str(2) + ")";
    return out;
  }
  Upload fresh(size_t size) { return make_upload(dir_.path(), some_content(size, ++seed_)); }

  // Brings a small object and one in parts by way of the fault, then without it.
  void expect_fault(
      const std::string& fault, const std::function<std::string(const Upload&)>& with_fault,
      const std::function<void()>& end_of_fault = [] {}) {
    SCOPED_TRACE(fault);
    std::vector<Upload> uploads = {fresh(kSmall), fresh(kLarge)};
    std::vector<std::string> outcomes;
    for (const Upload& upload : uploads) outcomes.push_back(with_fault(upload));
    end_of_fault();
    const std::string both = outcomes[0] == outcomes[1] ? outcomes[0] : outcomes[0] + "; in parts: " + outcomes[1];
    EXPECT_EQ("| " + both + " |", "| " + table_.expected(fault) + " |");
    reset_fault();
    for (size_t i = 0; i < uploads.size(); ++i) {
      if (outcomes[i].starts_with("forbidden") || outcomes[i].starts_with("not_found")) {
        EXPECT_EQ(s3_.request("HEAD", "/clips/" + uploads[i].object_key).status, 404);
      }
      EXPECT_EQ(put(uploads[i], good_), "delivered");
      EXPECT_EQ(sha256_hex(s3_.request("GET", "/clips/" + uploads[i].object_key).body), uploads[i].sha256);
    }
  }
  // With another configuration, keys, clock or timeouts.
  void expect_fault(const std::string& fault, const S3Config& config) {
    expect_fault(fault, [&](const Upload& upload) { return put(upload, config); });
  }
  void reset_fault() {
    keys_ = {s3_.access_key(), s3_.secret_key(), ""};
    clock_.step_utc(Clock::system().utc() - clock_.utc());
    timeouts_ = {};
  }
  S3Config by_way_of(const TcpProxy& proxy) const {
    S3Config config = good_;
    config.endpoint = proxy.endpoint();
    return config;
  }

  // Refused with the head: no byte of a body goes out.
  void expect_refused(const std::string& fault, const S3Credentials& keys, S3Config config) {
    const TcpProxy proxy(s3_.endpoint());
    config.endpoint = proxy.endpoint();
    keys_ = keys;
    expect_fault(fault, [&](const Upload& upload) {
      const int64_t before = proxy.bytes_up();
      const std::string out = put(upload, config);
      EXPECT_LT(proxy.bytes_up() - before, kHeads) << "of " << upload.size_bytes;
      return out;
    });
  }

  void refusals() {
    const S3Credentials good = keys_;
    expect_refused("wrong secret", {good.access_key_id, "canary-wrong-secret", ""}, good_);
    expect_refused("unknown access key", {"NOSUCHKEY", good.secret_access_key, ""}, good_);
    keys_ = {good.access_key_id, good.secret_access_key, "nobodys"};
    expect_fault("session token of nobody", good_);
    const auto reader = s3_.reader_of("clips");
    expect_refused("policy that allows reading only", {reader.access_key, reader.secret_key, ""}, good_);
    S3Config other = good_;
    other.bucket = "no-such-bucket";
    expect_refused("bucket that is not there", good, other);
    other = good_;
    other.region = "eu-west-1";
    expect_fault("another region", other);
    if (GetParam().tls) {
      other = good_;
      other.ca_file.clear();
      expect_fault("authority that is not known", other);
    }
  }
  void clocks() {
    for (const auto& [fault, error] : {std::pair("clock 5 h slow", std::chrono::hours(-5)),
                                       std::pair("clock 400 days fast", std::chrono::hours(24 * 400))}) {
      clock_.step_utc(error);
      expect_fault(fault, good_);
    }
  }

  void broken_ways() {
    S3Config nobody = good_;
    nobody.endpoint = (GetParam().tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(test::free_port());
    expect_fault("nobody listens", nobody);

    TcpProxy proxy(s3_.endpoint());
    const S3Config config = by_way_of(proxy);
    expect_fault("reset in the middle", [&](const Upload& upload) {
      proxy.reset_after(upload.size_bytes * 2 / 3);
      return put(upload, config);
    });
    expect_fault("answer cut off behind its 20th byte", [&](const Upload& upload) {
      proxy.truncate_answer_after(upload.size_bytes);
      return put(upload, config);
    });
    expect_fault(
        "connections end without an answer",
        [&](const Upload& upload) {
          proxy.swallow_answers(true);
          timeouts_.stall = 1s;
          return put(upload, config);
        },
        [&] { proxy.swallow_answers(false); });
  }

  void hanging_stores() {
    const auto with_little_patience = [&](const Upload& upload) {
      timeouts_.stall = 1s;
      return put(upload, good_);
    };
    s3_.pause();
    expect_fault("storage that hangs (SIGSTOP)", with_little_patience, [&] { s3_.resume(); });
    if (swift()) return;
    s3_.set_full(true);
    expect_fault("store that is full, and hangs", with_little_patience, [&] { s3_.set_full(false); });
  }
  void busy_stores() {
    if (swift()) return;
    s3_.set_most_requests(1);
    // That one.
    const Upload other = fresh(kSmall);
    const auto slow = target(good_);
    slow->set_rate(100'000);
    TransferRun first(other);
    first.begin(*slow, dir_.path() / other.path);
    first.run_until(*slow, [&] { return first.sent_bytes() > 0; });
    expect_fault(
        "more requests than it takes", [&](const Upload& upload) { return put(upload, good_); },
        [&] {
          first.cut_off();
          s3_.set_most_requests(1024);
        });
  }
  // For good: the last one.
  void dead_storage() {
    if (!swift()) return;
    s3_.end_storage();
    const std::string fault = "storage that is dead";
    const std::string small = put(fresh(kSmall), good_), large = put(fresh(kLarge), good_);
    EXPECT_EQ(small == large ? small : small + "; in parts: " + large, table_.expected(fault));
  }

  // No faults: other ways to the same store.
  void ways() {
    S3Config by_name = good_;
    by_name.endpoint = s3_.endpoint_for("localhost");
    by_name.path_style = false;
    expect_fault("way: bucket in the host name", by_name);
    const TcpProxy ipv6(s3_.endpoint(), true);
    expect_fault("way: IPv6", by_way_of(ipv6));

    const HttpProxy proxy;
    S3Config proxied = good_;
    proxied.proxy = proxy.url();
    // This proxy sends bodies whatever the store says to the head, so that the refusal of a condition (501) is lost
    // with a large one. Manifests, which are small, go first; so here.
    const auto there = target(proxied);
    const Upload manifest = fresh(700);
    EXPECT_EQ(outcome(TransferRun(manifest).run(*there, dir_.path() / manifest.path)), "delivered");
    expect_fault("way: HTTP proxy with a password", [&](const Upload& upload) {
      return outcome(TransferRun(upload).run(*there, dir_.path() / upload.path));
    });
    EXPECT_NE(proxy.log().find(GetParam().tls ? "CONNECT 127.0.0.1" : "PUT http://127.0.0.1"), std::string::npos)
        << proxy.log();
    proxied.proxy = proxy.url_with("guest", "wrong");
    expect_fault("wrong password for the proxy", proxied);
  }

  const TempDir dir_;
  const S3Server s3_{{.tls = GetParam().tls, .swift = GetParam().swift}};
  FaultTable table_{GetParam().column()};
  S3Config good_;
  S3Credentials keys_{s3_.access_key(), s3_.secret_key(), ""};
  FakeClock clock_{Clock::system().utc()};
  S3Timeouts timeouts_;
  unsigned seed_ = 0;
};

INSTANTIATE_TEST_SUITE_P(, ConformanceTest,
                         ::testing::Values(Store{false, false}, Store{false, true}, Store{true, false},
                                           Store{true, true}),
                         [](const auto& it) {
                           return std::string(it.param.swift ? "Swift" : "Ceph") + (it.param.tls ? "Https" : "Http");
                         });

TEST_P(ConformanceTest, FaultsComeToWhatTheTableSaysAndAreOvercome) {
  refusals();
  clocks();
  broken_ways();
  hanging_stores();
  busy_stores();
  ways();
  dead_storage();
  EXPECT_THAT(table_.not_tried(), ElementsAre());
}

}  // namespace
}  // namespace vedette
