#include "uploader/s3_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"
#include "tests/support/s3_server.h"
#include "tests/support/temp_dir.h"
#include "tests/uploader/transfer_run.h"
#include "tests/uploader/upload_fixture.h"

namespace vedette {
namespace {

using test::FakeClock;
using test::make_upload;
using test::S3Server;
using test::some_content;
using test::TempDir;
using test::TransferRun;
using ::testing::HasSubstr;

constexpr auto kBucket = "clips";

// One for all tests of the process.
S3Server& server() {
  static S3Server instance;
  static const bool has_bucket = [] {
    instance.create_bucket(kBucket);
    return true;
  }();
  static_cast<void>(has_bucket);
  return instance;
}

S3Config config_for(const S3Server& s3) {
  S3Config config;
  config.endpoint = s3.endpoint();
  config.bucket = kBucket;
  config.device_id = "edge-01";
  return config;
}

S3Credentials keys_of(const S3Server& s3) {
  return {s3.access_key(), s3.secret_key(), ""};
}

std::unique_ptr<Target> make_target(const S3Config& config, const S3Credentials& credentials,
                                    const Clock& clock = Clock::system(), S3Timeouts timeouts = {}) {
  return make_s3_target(config, constant_credentials(credentials), clock, timeouts);
}

class S3TargetTest : public ::testing::Test {
 protected:
  Result<UploadProof> put(const Upload& upload) { return put_with(config_for(server()), keys_of(server()), upload); }
  Result<UploadProof> put_with(const S3Config& config, const S3Credentials& credentials, const Upload& upload,
                               S3Timeouts timeouts = {}) {
    return put_into(*make_target(config, credentials, Clock::system(), timeouts), upload);
  }
  Result<UploadProof> put_into(Target& target, const Upload& upload) {
    return TransferRun(upload).run(target, dir_.path() / upload.path);
  }
  void expect_failure(const Result<UploadProof>& proof, Code code, const std::string& words) {
    ASSERT_FALSE(proof);
    EXPECT_EQ(proof.error().code, code) << proof.error().message;
    EXPECT_THAT(proof.error().message, HasSubstr(words));
  }
  std::string presigned(const Upload& upload) {
    return *make_target(config_for(server()), keys_of(server()))->presign(upload.object_key, 60s);
  }
  // By a client that knows nothing of us.
  static std::string fetch(const std::string& url, const std::vector<std::string>& more = {}) {
    std::vector<std::string> argv = {"curl", "--silent", "--show-error", "--fail", "--path-as-is"};
    argv.insert(argv.end(), more.begin(), more.end());
    argv.push_back(url);
    return test::run_or_throw(argv);
  }
  static std::string aws(std::vector<std::string> args) {
    test::ProcessOptions options;
    options.env = {{"AWS_ACCESS_KEY_ID", server().access_key()},
                   {"AWS_SECRET_ACCESS_KEY", server().secret_key()},
                   {"AWS_DEFAULT_REGION", server().region()},
                   {"AWS_EC2_METADATA_DISABLED", "true"},
                   {"PYTHONUTF8", "1"}};
    args.insert(args.begin(), {"aws", "--endpoint-url", server().endpoint(), "--output", "json"});
    return test::run_or_throw(args, 60s, options);
  }

  const TempDir dir_;
};

TEST_F(S3TargetTest, PutsWhatOthersFetch) {
  const auto content = some_content(3'000'001);
  const auto upload = make_upload(dir_.path(), content);
  const auto proof = put(upload);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_FALSE(proof->already_there);
  EXPECT_EQ(proof->etag.size(), 32u);  // the MD5 of an object in one part
  EXPECT_EQ(sha256_hex(fetch(presigned(upload))), upload.sha256);

  const auto copy = (dir_.path() / "copy").string();
  aws({"s3", "cp", "--quiet", "s3://clips/" + upload.object_key, copy});
  EXPECT_EQ(sha256_hex(test::read_text(copy)), upload.sha256);
}

TEST_F(S3TargetTest, DescribesTheObject) {
  auto upload = make_upload(dir_.path(), "content");
  upload.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_TRUE(put(upload));
  const auto head = Json::parse(aws({"s3api", "head-object", "--bucket", kBucket, "--key", upload.object_key}));
  EXPECT_EQ(head["ContentType"], "video/mp4");
  EXPECT_EQ(head["ContentLength"], 7);
  const Json expected = {
      {"clip-id", upload.subject_id},      {"camera", "front"},       {"start", "2026-11-20T08:31:29.123Z"},
      {"end", "2026-11-20T08:31:39.123Z"}, {"sha256", upload.sha256}, {"device-id", "edge-01"}};
  for (const auto& [name, value] : expected.items()) EXPECT_EQ(head["Metadata"][name], value) << name;
  EXPECT_EQ(head["Metadata"].size(), expected.size());
}

TEST_F(S3TargetTest, TakesSnapshotsAndEmptyFiles) {
  auto snapshot = make_upload(dir_.path(), "jpeg");
  snapshot.kind = "snapshot";
  ASSERT_TRUE(put(snapshot));
  EXPECT_THAT(server().request("HEAD", "/clips/" + snapshot.object_key).headers,
              HasSubstr("x-amz-meta-snapshot-id: " + snapshot.subject_id));
  const auto proof = put(make_upload(dir_.path(), ""));
  EXPECT_TRUE(proof) << proof.error().message;
}

TEST_F(S3TargetTest, CountsTheSameContentAsThereAndNeverOverwritesOther) {
  const auto first = make_upload(dir_.path(), "one content");
  const auto proof = put(first);
  ASSERT_TRUE(proof) << proof.error().message;
  const auto again = put(first);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->already_there);
  EXPECT_EQ(again->etag, proof->etag);

  auto second = make_upload(dir_.path(), "two content");
  second.object_key = first.object_key;
  expect_failure(put(second), Code::conflict, first.sha256);
  EXPECT_EQ(fetch(presigned(first)), "one content");
}

TEST_F(S3TargetTest, KeepsOddKeysApart) {
  const std::vector<std::string> keys = {"dir/with  space.mp4",
                                         "a+b=c&d@e:f,g;h.mp4",
                                         "p%20q!*'()~.mp4",
                                         "date=2026/cam#1?x.mp4",
                                         "\xc3\xbcn\xc3\xaf/\xe6\x97\xa5.mp4",
                                         "x//y",
                                         "x/../y",
                                         "back\\slash\"quote<&>"};
  for (const std::string& key : keys) {
    auto upload = make_upload(dir_.path(), "content of " + key);
    upload.object_key = key;
    const auto proof = put(upload);
    ASSERT_TRUE(proof) << key << ": " << proof.error().message;
    EXPECT_FALSE(proof->already_there) << key;
    EXPECT_EQ(fetch(presigned(upload)), "content of " + key);
  }
  const auto list = Json::parse(aws({"s3api", "list-objects-v2", "--bucket", kBucket}));
  std::vector<std::string> names;
  for (const auto& object : list["Contents"]) names.push_back(object["Key"]);
  EXPECT_THAT(names, ::testing::IsSupersetOf(keys));
}

TEST_F(S3TargetTest, SaysWhichCredentialIsWrong) {
  const auto config = config_for(server());
  for (const size_t size : {size_t{5'000'000}, size_t{9'000'000}}) {
    const auto upload = make_upload(dir_.path(), some_content(size));
    const auto proof = put_with(config, {server().access_key(), "canary-wrong-secret", ""}, upload);
    expect_failure(proof, Code::forbidden, "SignatureDoesNotMatch");
    EXPECT_THAT(proof.error().message, ::testing::Not(HasSubstr("canary")));
    expect_failure(put_with(config, {"NOSUCHKEY", server().secret_key(), ""}, upload), Code::forbidden,
                   "InvalidAccessKeyId");
    expect_failure(put_with(config, {server().other_access_key(), server().other_secret_key(), ""}, upload),
                   Code::forbidden, "AccessDenied");
  }
}

TEST_F(S3TargetTest, SaysThatTheBucketIsMissing) {
  auto config = config_for(server());
  config.bucket = "no-such-bucket";
  for (const size_t size : {size_t{7}, size_t{9'000'000}})
    expect_failure(put_with(config, keys_of(server()), make_upload(dir_.path(), some_content(size))), Code::not_found,
                   "NoSuchBucket");
}

class S3TargetPolicyTest : public S3TargetTest {
 protected:
  static std::string statement(const std::string& effect, const std::string& actions, const std::string& bucket) {
    return R"({"Effect":")" + effect + R"(","Principal":{"AWS":["arn:aws:iam:::user/other"]},"Action":[)" + actions +
           R"(],"Resource":["arn:aws:s3:::)" + bucket + R"(/*"]})";
  }
  // An account that may only do this in a bucket, and not list it: HEAD of what is not there gives 403. What it puts is
  // its own, which it may read unless that is denied.
  static S3Config allowed_only(const std::string& bucket, const std::string& actions, const std::string& denied = "") {
    server().create_bucket(bucket);
    std::string statements = statement("Allow", actions, bucket);
    if (!denied.empty()) statements += "," + statement("Deny", denied, bucket);
    aws({"s3api", "put-bucket-policy", "--bucket", bucket, "--policy",
         R"({"Version":"2012-10-17","Statement":[)" + statements + "]}"});
    auto config = config_for(server());
    config.bucket = bucket;
    return config;
  }
  const S3Credentials other_{server().other_access_key(), server().other_secret_key(), ""};
};

TEST_F(S3TargetPolicyTest, PutAndGetAreEnough) {
  const auto config = allowed_only("put-and-get", R"("s3:PutObject","s3:GetObject")");
  for (const size_t size : {size_t{1000}, size_t{9'000'000}}) {
    const auto upload = make_upload(dir_.path(), some_content(size));
    const auto proof = put_with(config, other_, upload);
    ASSERT_TRUE(proof) << proof.error().message;
    EXPECT_FALSE(proof->already_there);
    EXPECT_EQ(sha256_hex(fetch(*make_target(config, other_)->presign(upload.object_key, 60s))), upload.sha256);
    auto other = make_upload(dir_.path(), some_content(size, 2));
    other.object_key = upload.object_key;
    expect_failure(put_with(config, other_, other), Code::conflict, upload.sha256);
  }
}

TEST_F(S3TargetPolicyTest, PutAloneIsEnoughForOneRequestAndOverwritesNothing) {
  const auto config = allowed_only("put-only", R"("s3:PutObject")", R"("s3:GetObject")");
  const auto upload = make_upload(dir_.path(), "content");
  const auto proof = put_with(config, other_, upload);
  ASSERT_TRUE(proof) << proof.error().message;
  auto other = make_upload(dir_.path(), "other content");
  other.object_key = upload.object_key;
  expect_failure(put_with(config, other_, other), Code::conflict, "PreconditionFailed");
  // Parts are proved by a look.
  expect_failure(put_with(config, other_, make_upload(dir_.path(), some_content(9'000'000))), Code::forbidden,
                 "s3:GetObject");
}

TEST_F(S3TargetPolicyTest, GetAloneIsForbidden) {
  const auto config = allowed_only("get-only", R"("s3:GetObject")");
  expect_failure(put_with(config, other_, make_upload(dir_.path(), "content")), Code::forbidden,
                 "put: HTTP 403 AccessDenied");
  expect_failure(put_with(config, other_, make_upload(dir_.path(), some_content(9'000'000))), Code::forbidden,
                 "create: HTTP 403 AccessDenied");
}

TEST_F(S3TargetTest, RefusesAFileThatChanged) {
  const auto longer = make_upload(dir_.path(), "content");
  test::write_text(dir_.path() / longer.path, "more content");
  expect_failure(put(longer), Code::upload_failed, "12 bytes instead of 7");
  const auto other = make_upload(dir_.path(), "content");
  test::write_text(dir_.path() / other.path, "CONTENT");
  expect_failure(put(other), Code::upload_failed, "SHA256");
  EXPECT_EQ(server().request("HEAD", "/clips/" + other.object_key).status, 404);
}

TEST_F(S3TargetTest, SaysThatTheLocalFileIsMissing) {
  const auto upload = make_upload(dir_.path(), "content");
  std::filesystem::remove(dir_.path() / upload.path);
  expect_failure(put(upload), Code::not_found, "local file");
}

TEST_F(S3TargetTest, SignsByTheStoresClockWhenOursIsWrong) {
  for (const auto error : {std::chrono::hours(-5), std::chrono::hours(24 * 400)}) {
    FakeClock clock(std::chrono::floor<microseconds>(std::chrono::system_clock::now()) + error);
    const auto target = make_target(config_for(server()), keys_of(server()), clock);
    for (const size_t size : {size_t{1000}, size_t{9'000'000}}) {
      const auto upload = make_upload(dir_.path(), some_content(size));
      const auto proof = put_into(*target, upload);
      ASSERT_TRUE(proof) << proof.error().message;
      EXPECT_EQ(sha256_hex(fetch(*target->presign(upload.object_key, 60s))), upload.sha256);
    }
    EXPECT_LT(std::chrono::abs(target->clock_behind() + error), 60s);
    clock.step_utc(-error);
    EXPECT_EQ(target->clock_behind(), 0us) << "without another request";
    const auto upload = make_upload(dir_.path(), "content");
    EXPECT_TRUE(put_into(*target, upload));
    EXPECT_EQ(sha256_hex(fetch(*target->presign(upload.object_key, 60s))), upload.sha256);
  }
}

TEST_F(S3TargetTest, PresignedUrlsEnd) {
  const auto upload = make_upload(dir_.path(), "content");
  ASSERT_TRUE(put(upload));
  FakeClock past(std::chrono::floor<microseconds>(std::chrono::system_clock::now()) - 120s);
  const auto url = *make_target(config_for(server()), keys_of(server()), past)->presign(upload.object_key, 60s);
  EXPECT_THROW(fetch(url), std::runtime_error);
}

TEST_F(S3TargetTest, SaysThatTheStoreIsAwayAndGoesOnWhenItIsBack) {
  const auto target = make_target(config_for(server()), keys_of(server()));
  ASSERT_TRUE(put_into(*target, make_upload(dir_.path(), "content")));
  server().stop();
  const auto second = make_upload(dir_.path(), "content");
  expect_failure(put_into(*target, second), Code::camera_unavailable, "connect");
  server().start();
  const auto proof = put_into(*target, second);
  EXPECT_TRUE(proof) << proof.error().message;
}

TEST_F(S3TargetTest, GivesUpAStoreThatHangsAndStopsInTheMiddle) {
  S3Timeouts timeouts;
  timeouts.stall = 500ms;
  for (const size_t size : {size_t{5'000'000}, size_t{20'000'000}}) {
    const auto upload = make_upload(dir_.path(), some_content(size));
    server().pause();
    expect_failure(put_with(config_for(server()), keys_of(server()), upload, timeouts), Code::timed_out,
                   "nothing moved");
    server().resume();
    const auto proof = put(upload);
    EXPECT_TRUE(proof) << proof.error().message;
  }
}

TEST_F(S3TargetTest, RefusesAnEndpointThatIsNone) {
  const auto upload = make_upload(dir_.path(), "content");
  for (const auto* endpoint : {"", "s3.example", "ftp://s3.example", "https://", "https://user@host", "https://h/p",
                               "https://h?q", "https://h h"}) {
    auto config = config_for(server());
    config.endpoint = endpoint;
    expect_failure(put_with(config, keys_of(server()), upload), Code::invalid_argument, "endpoint");
    EXPECT_FALSE(make_target(config, keys_of(server()))->presign("a", 60s));
  }
}

TEST(S3TargetUrlTest, ComesInBothStylesAndLeavesDefaultPortsOut) {
  S3Config config;
  config.endpoint = "https://s3.example:443/";
  config.bucket = "clips";
  const FakeClock clock;
  const auto url = [&] { return *make_target(config, {"key", "secret", ""}, clock)->presign("a b/c.mp4", 60s); };
  EXPECT_THAT(url(), ::testing::StartsWith("https://s3.example/clips/a%20b/c.mp4?X-Amz-Algorithm="));
  config.path_style = false;
  EXPECT_THAT(url(), ::testing::StartsWith("https://clips.s3.example/a%20b/c.mp4?X-Amz-Algorithm="));
  config.endpoint = "http://[::1]:9000";
  config.path_style = true;
  EXPECT_THAT(url(), ::testing::StartsWith("http://[::1]:9000/clips/a%20b/c.mp4?"));
}

// Another implementation of the API altogether.
TEST(S3TargetSwiftTest, DoesTheSameOnOpenStackSwift) {
  const TempDir dir;
  const S3Server swift({.swift = true});
  swift.create_bucket(kBucket);
  auto config = config_for(swift);
  auto keys = keys_of(swift);
  const auto put = [&](const Upload& upload) {
    return TransferRun(upload).run(*make_target(config, keys), dir.path() / upload.path);
  };
  const auto code = [&](const Upload& upload) {
    const auto proof = put(upload);
    return proof ? Code::ok : proof.error().code;
  };

  auto upload = make_upload(dir.path(), some_content(3'000'000));
  upload.object_key = "a b+c=d&e%20f'(*)!~/\xc3\xbc.mp4";
  const auto proof = put(upload);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_FALSE(proof->already_there);
  EXPECT_TRUE(put(upload)->already_there);
  const auto url = make_target(config, keys)->presign(upload.object_key, 60s);
  EXPECT_EQ(sha256_hex(test::run_or_throw({"curl", "--silent", "--fail", *url})), upload.sha256);

  auto other = make_upload(dir.path(), "other content");
  other.object_key = upload.object_key;
  EXPECT_EQ(code(other), Code::conflict);
  const auto changed = make_upload(dir.path(), "content");
  test::write_text(dir.path() / changed.path, "CONTENT");
  EXPECT_EQ(code(changed), Code::upload_failed);

  FakeClock slow(std::chrono::floor<microseconds>(std::chrono::system_clock::now()) - std::chrono::hours(5));
  const auto late = make_upload(dir.path(), "content");
  EXPECT_TRUE(TransferRun(late).run(*make_target(config, keys, slow), dir.path() / late.path));

  const auto fresh = make_upload(dir.path(), "content");
  config.bucket = "no-such-bucket";
  EXPECT_EQ(code(fresh), Code::not_found);
  config.bucket = kBucket;
  config.region = "eu-west-1";
  EXPECT_EQ(code(fresh), Code::forbidden);
  config.region = swift.region();
  keys.secret_access_key = "wrong";
  EXPECT_EQ(code(fresh), Code::forbidden);
}

TEST(S3TargetTlsTest, UploadsOverTlsWithAPrivateAuthorityOnly) {
  const TempDir dir;
  const S3Server secure({.tls = true});
  secure.create_bucket(kBucket);
  auto config = config_for(secure);
  const auto upload = make_upload(dir.path(), some_content(3'000'000));
  const auto put = [&] {
    return TransferRun(upload).run(*make_target(config, keys_of(secure)), dir.path() / upload.path);
  };
  const auto untrusted = put();
  ASSERT_FALSE(untrusted);
  EXPECT_EQ(untrusted.error().code, Code::forbidden) << untrusted.error().message;
  config.ca_file = secure.certificates().ca;
  const auto proof = put();
  EXPECT_TRUE(proof) << proof.error().message;
}

}  // namespace
}  // namespace vedette
