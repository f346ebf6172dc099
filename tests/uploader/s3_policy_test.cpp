// What the documentation says of a bucket, at a real store: the policy and the rules of examples/s3 as they stand, set
// by the commands that stand there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "tests/support/documented.h"
#include "tests/support/paths.h"
#include "tests/support/s3_server.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"
#include "tests/uploader/transfer_run.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/s3_config.h"
#include "uploader/s3_xml.h"

namespace vedette {
namespace {

using test::eventually;
using test::make_upload;
using test::S3Server;
using test::some_content;
using test::TempDir;
using test::TransferRun;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto kPage = "operations/configure.md";
constexpr auto kDevice = "edge-01";
constexpr int64_t kPart = 5 << 20;
constexpr size_t kInOne = 1000, kInParts = 2 * kPart + 1000;
constexpr milliseconds kLimit{60'000};

class S3PolicyTest : public ::testing::Test {
 protected:
  static S3Server& store() {
    static S3Server instance;
    static const bool has_user = [] {
      instance.create_bucket("clips");
      instance.admin({"caps", "add", "--uid=test", "--caps=user-policy=*"});
      instance.admin({"user", "create", std::string("--uid=") + kDevice, "--display-name=device",
                      std::string("--access-key=") + kDevice, "--secret-key=secret-of-device"});
      return true;
    }();
    static_cast<void>(has_user);
    return instance;
  }
  // What stands in the documentation, as it stands there, by the owner of the bucket.
  static void run_documented(const std::string& name) {
    test::ProcessOptions options;
    options.working_directory = VEDETTE_SOURCE_DIR;
    options.env = {{"S3", store().endpoint()},
                   {"AWS_ACCESS_KEY_ID", store().access_key()},
                   {"AWS_SECRET_ACCESS_KEY", store().secret_key()},
                   {"AWS_DEFAULT_REGION", store().region()},
                   {"AWS_EC2_METADATA_DISABLED", "true"}};
    test::run_or_throw({"bash", "-euo", "pipefail", "-c", test::documented(kPage, name)}, kLimit, options);
  }
  static Json policy() { return Json::parse(test::read_text(VEDETTE_SOURCE_DIR "/examples/s3/device-policy.json")); }
  static void set_policy(const Json& policy) {
    store().aws({"iam", "put-user-policy", "--user-name", kDevice, "--policy-name", "vedette", "--policy-document",
                 policy.dump()});
  }

  static std::unique_ptr<Target> device(microseconds orphan_age = 24h) {
    S3Config config;
    config.orphan_age = orphan_age;
    config.endpoint = store().endpoint();
    config.bucket = "clips";
    config.device_id = kDevice;
    config.own_keys = std::string(kDevice) + "/";
    config.part_size_bytes = kPart;
    config.tags = {{"site", "north"}};
    return make_s3_target(config, constant_credentials({kDevice, "secret-of-device", ""}), Clock::system());
  }
  Upload make(size_t size, unsigned seed = 1) const { return make_upload(dir_.path(), some_content(size, seed)); }
  std::filesystem::path file(const Upload& upload) const { return dir_.path() / upload.path; }
  // "": it is delivered.
  std::string put(const Upload& upload) const {
    const auto proof = TransferRun(upload).run(*device(), file(upload));
    return proof ? "" : proof.error().message;
  }
  static size_t begun(const std::string& prefix) {
    const auto list = store().request("GET", "/clips/?prefix=" + percent_encode(prefix) + "&uploads=");
    return s3_xml::all(list.body, "Upload").size();
  }

  // What the device does not come to, of all that it does.
  std::vector<std::string> what_fails() const {
    std::vector<std::string> out;
    const auto expect = [&](bool done, const std::string& what) {
      if (!done) out.push_back(what);
    };
    for (const size_t size : {kInOne, kInParts}) {
      const Upload upload = make(size);
      const std::string why = put(upload);
      expect(why.empty(), "put: " + why);
      const auto link = device()->presign(upload.object_key, 60s);
      const auto fetched = test::run({"curl", "--silent", "--fail", *link}, kLimit);
      expect(fetched.status == 0 && sha256_hex(fetched.output) == upload.sha256, "link");
      Upload other = make(size, 2);
      other.object_key = upload.object_key;
      const auto refused = TransferRun(other).run(*device(), file(other));
      expect(!refused && refused.error().code == Code::conflict, "conflict");
    }
    expect(goes_on(), "go on");
    expect(leaves_nothing(), "abort");
    expect(sweeps(), "sweep");
    return out;
  }
  bool goes_on() const {
    const Upload upload = make(kInParts);
    TransferRun run(upload);
    run.most_in_flight = 1;
    {
      const auto target = device();
      run.begin(*target, file(upload));
      run.run_until(*target, [&] { return run.finished().size() == 1; });
      run.cut_off();
    }
    run.forget_finished();
    return run.run(*device(), file(upload)).has_value() && run.begun() == 1 && run.finished().size() == 3;
  }
  bool leaves_nothing() const {
    Upload upload = make(kInParts);
    upload.object_key = "edge-01/changed/" + upload.subject_id;
    test::write_text(file(upload), some_content(kInParts, 2));
    return !TransferRun(upload).run(*device(), file(upload)) && begun(upload.object_key) == 0;
  }
  static bool sweeps() {
    const std::string key = "edge-01/orphans/" + new_id();
    store().request("POST", "/clips/" + key + "?uploads=");
    const auto target = device(0s);
    target->sweep([](const std::string&) -> Result<bool> { return false; }, [](const Error&) {});
    const MonoTime end = Clock::system().mono() + 10s;
    while (begun(key) > 0 && Clock::system().mono() < end) target->run(50ms);
    return begun(key) == 0;
  }

  const TempDir dir_;
};

TEST_F(S3PolicyTest, AllowsWhatADeviceDoes) {
  run_documented("policy");
  EXPECT_THAT(what_fails(), IsEmpty());
}

TEST_F(S3PolicyTest, AllowsNothingElse) {
  run_documented("policy");
  Upload foreign = make(kInOne);
  foreign.object_key = "edge-011/front/" + foreign.subject_id;
  EXPECT_THAT(put(foreign), ::testing::HasSubstr("AccessDenied"));
  ASSERT_EQ(store().request("PUT", "/clips/edge-011/there", {"--data-binary", "of another"}).status, 200);
  const auto fetched = test::run({"curl", "--silent", "--fail", *device()->presign("edge-011/there", 60s)}, kLimit);
  EXPECT_NE(fetched.status, 0) << fetched.output;

  const Upload own = make(kInOne);
  ASSERT_EQ(put(own), "");
  const auto as_device = [&](const std::string& method, const std::string& path) {
    return test::run_or_throw(
        {"curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--aws-sigv4",
         "aws:amz:us-east-1:s3", "--user", "edge-01:secret-of-device", "--header",
         "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--request", method, store().endpoint() + path},
        kLimit);
  };
  EXPECT_EQ(as_device("DELETE", "/clips/" + own.object_key), "403");
  EXPECT_EQ(as_device("GET", "/clips?list-type=2"), "403");
  EXPECT_EQ(as_device("GET", "/clips/" + own.object_key), "200");
}

// Denied, and not left out: of what it has put itself a device is the owner here, who may read and tag it anyway.
TEST_F(S3PolicyTest, NamesNothingThatIsNotNeeded) {
  const Json whole = policy();
  for (const Json& statement : whole.at("Statement")) {
    const Json& actions = statement.at("Action");
    for (const Json& action : actions.is_array() ? actions : Json::array({actions})) {
      Json less = whole;
      less.at("Statement").push_back({{"Effect", "Deny"}, {"Action", action}, {"Resource", statement.at("Resource")}});
      set_policy(less);
      EXPECT_THAT(what_fails(), Not(IsEmpty())) << action;
    }
  }
}

TEST_F(S3PolicyTest, WhatIsOverwrittenWithAStolenKeyIsStillThereInABucketWithVersions) {
  run_documented("policy");
  run_documented("versions");
  const Upload upload = make(kInOne);
  ASSERT_EQ(put(upload), "");
  const auto versions = [&] {
    return Json::parse(
               store().aws({"s3api", "list-object-versions", "--bucket", "clips", "--prefix", upload.object_key}))
        .at("Versions");
  };
  ASSERT_EQ(versions().size(), 1u);
  const Json before = versions().at(0);
  ASSERT_EQ(store().request("PUT", "/clips/" + upload.object_key, {"--data-binary", "forged"}).status, 200);
  const Json after = versions();
  ASSERT_EQ(after.size(), 2u);
  const auto kept =
      std::find_if(after.begin(), after.end(), [](const Json& one) { return one.at("IsLatest") == false; });
  ASSERT_NE(kept, after.end());
  for (const char* same : {"VersionId", "ETag", "Size"}) EXPECT_EQ(kept->at(same), before.at(same));
}

TEST_F(S3PolicyTest, PartsThatNobodyCompletesAreRemovedByTheRule) {
  run_documented("lifecycle");
  const std::string key = "edge-01/front/" + new_id();
  ASSERT_EQ(store().request("POST", "/clips/" + key + "?uploads=").status, 200);
  ASSERT_EQ(begun(key), 1u);
  EXPECT_TRUE(eventually(kLimit, [&] {
    store().admin({"lc", "process", "--rgw-lc-debug-interval=1"});  // a day is a second
    return begun(key) == 0;
  }));
}

}  // namespace
}  // namespace vedette
