// Two gateways before one store (Ceph), of which the first is killed in the middle of an object in parts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>

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
constexpr milliseconds kFailover{15000};
constexpr int64_t kPart = 5 << 20;
constexpr size_t kParts = 8;

class UploadFailoverTest : public ::testing::Test {
 protected:
  UploadFailoverTest() : database_(std::move(*Database::open(layout_.database()))) { s3_.create_bucket("clips"); }

  void start_engine() {
    S3Config config;
    config.endpoint = first_.endpoint();
    config.fallback_endpoints = {second_.endpoint()};
    config.return_after = 1s;
    config.bucket = "clips";
    config.part_size_bytes = kPart;
    UploadHooks hooks;
    hooks.on_report = [](const UploadReport&) {};
    engine_ = std::make_unique<UploadEngine>(
        layout_, catalog_, make_s3_target(config, constant_credentials({s3_.access_key(), s3_.secret_key(), ""})),
        std::move(hooks));
  }
  Upload add(size_t size, unsigned seed = 1) {
    const Upload added = *catalog_.add_upload(make_upload(dir_.path(), some_content(size, seed)));
    if (engine_) engine_->wake();
    return added;
  }
  bool is_delivered() { return catalog_.upload_figures(Clock::system().utc())->rows == 0; }
  bool is_at(size_t which) const { return engine_->target().endpoints().current == which; }

  // What was asked by way of a proxy and answered so, without what of the query tells objects and parts not apart.
  static std::vector<std::string> puts(const TcpProxy& proxy, int status) {
    std::vector<std::string> out;
    for (const auto& exchange : proxy.exchanges())
      if (exchange.request.starts_with("PUT ") && exchange.status == status)
        out.push_back(exchange.request.substr(0, exchange.request.find("&uploadId")));
    return out;
  }
  // How often each was taken, by whichever way.
  std::map<std::string, int> taken() const {
    std::map<std::string, int> count;
    for (const TcpProxy* proxy : {&first_, &second_})
      for (const std::string& put : puts(*proxy, 200)) ++count[put];
    return count;
  }
  void expect_in_the_store(const Upload& upload) const {
    EXPECT_EQ(sha256_hex(s3_.request("GET", "/clips/" + upload.object_key).body), upload.sha256);
  }

  const TempDir dir_;
  const Layout layout_{dir_.path(), "edge-01", ""};
  std::unique_ptr<Database> database_;
  Catalog catalog_{*database_};
  const S3Server s3_;
  const TcpProxy first_{s3_.endpoint()};
  const TcpProxy second_{s3_.start_second()};
  std::unique_ptr<UploadEngine> engine_;
};

TEST_F(UploadFailoverTest, AnObjectInPartsGoesOnByTheSecondAndUploadsReturnToTheFirst) {
  const Upload large = add(kParts * kPart);
  start_engine();
  engine_->set_rate(80'000'000);
  ASSERT_TRUE(eventually(kLimit, [&] { return puts(first_, 200).size() >= 3; }));
  const MonoTime killed = Clock::system().mono();
  s3_.kill();
  const size_t by_first = puts(first_, 200).size();
  ASSERT_LT(by_first, kParts);
  ASSERT_TRUE(eventually(kFailover, [&] { return !puts(second_, 200).empty(); }));
  std::cout << "a part is there by way of the second " << to_ms(Clock::system().mono() - killed)
            << " ms after the first was killed\n";
  EXPECT_TRUE(is_at(1));
  ASSERT_TRUE(eventually(kLimit, [&] { return is_delivered(); }));
  EXPECT_LE(Clock::system().mono() - killed, kFailover);
  // The store may have taken one of which the answer was lost: it is in its list.
  EXPECT_LE(puts(first_, 200).size() + puts(second_, 200).size(), kParts);
  for (const auto& [part, times] : taken()) EXPECT_EQ(times, 1) << part;

  const Upload meanwhile = add(20'000, 2);
  ASSERT_TRUE(eventually(kLimit, [&] { return is_delivered(); }));
  EXPECT_TRUE(is_at(1));
  s3_.start();
  ASSERT_TRUE(eventually(kLimit, [&] { return is_at(0); }));
  const size_t before = puts(first_, 200).size();
  const Upload after = add(20'000, 3);
  ASSERT_TRUE(eventually(kLimit, [&] { return is_delivered(); }));
  EXPECT_EQ(puts(first_, 200).size(), before + 1);
  for (const Upload* upload : {&meanwhile, &after}) expect_in_the_store(*upload);
  expect_in_the_store(large);
  std::map<std::string, int> told;
  const auto events = Outbox(*database_).next(0, 100);
  for (const auto& event : *events) ++told[event.type];
  EXPECT_EQ(told["clip.uploaded"], 3);
}

}  // namespace
}  // namespace vedette
