// Objects in parts, against two implementations of S3.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "core/file_hash.h"
#include "core/text.h"
#include "tests/support/fake_clock.h"
#include "tests/support/s3_server.h"
#include "tests/support/tcp_proxy.h"
#include "tests/support/temp_dir.h"
#include "tests/uploader/transfer_run.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/s3_config.h"
#include "uploader/s3_xml.h"

namespace vedette {
namespace {

using test::FakeClock;
using test::make_upload;
using test::S3Server;
using test::some_content;
using test::TcpProxy;
using test::TempDir;
using test::TransferRun;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr auto kBucket = "clips";
constexpr size_t kSize = 21 * 1024 * 1024;  // four parts of 5 MiB and one of 1 MiB

S3Server& server(bool swift) {
  static const auto make = [](bool is_swift) {
    auto made = std::make_unique<S3Server>(test::S3ServerOptions{.swift = is_swift});
    made->create_bucket(kBucket);
    return made;
  };
  static std::unique_ptr<S3Server> ceph, other;
  auto& one = swift ? other : ceph;
  if (!one) one = make(swift);
  return *one;
}

// The parameter: whether it is Swift.
class S3MultipartTest : public ::testing::TestWithParam<bool> {
 protected:
  S3MultipartTest() {
    config_.endpoint = s3_.endpoint();
    config_.bucket = kBucket;
    config_.device_id = "edge-01";
    config_.own_keys = "edge-01/";
    config_.part_size_bytes = 5 << 20;
  }
  std::unique_ptr<Target> target(const Clock& clock = Clock::system()) const {
    return make_s3_target(config_, constant_credentials({s3_.access_key(), s3_.secret_key(), ""}), clock);
  }
  std::filesystem::path file(const Upload& upload) const { return dir_.path() / upload.path; }
  std::string hash_in_store(const Upload& upload) const {
    return sha256_hex(s3_.request("GET", "/clips/" + upload.object_key).body);
  }
  // Ids of those that are begun, by what they store under.
  std::vector<std::string> begun_uploads(const std::string& prefix) const {
    const auto list = s3_.request("GET", "/clips/?prefix=" + percent_encode(prefix) + "&uploads=");
    std::vector<std::string> ids;
    for (const auto upload : s3_xml::all(list.body, "Upload"))
      if (const auto id = s3_xml::text(upload, "UploadId")) ids.push_back(*id);
    return ids;
  }
  std::string begin_upload(const std::string& key) const {
    const auto answer = s3_.request("POST", "/clips/" + key + "?uploads=");
    return s3_xml::text(answer.body, "UploadId").value_or("");
  }

  // By a client that knows nothing of us.
  std::string tags_of(const std::string& key) const {
    test::ProcessOptions options;
    options.env = {{"AWS_ACCESS_KEY_ID", s3_.access_key()},
                   {"AWS_SECRET_ACCESS_KEY", s3_.secret_key()},
                   {"AWS_DEFAULT_REGION", s3_.region()},
                   {"AWS_EC2_METADATA_DISABLED", "true"}};
    return test::run_or_throw({"aws", "--endpoint-url", s3_.endpoint(), "--output", "json", "s3api",
                               "get-object-tagging", "--bucket", kBucket, "--key", key},
                              60s, options);
  }

  S3Server& s3_ = server(GetParam());
  const TempDir dir_;
  S3Config config_;
};

INSTANTIATE_TEST_SUITE_P(, S3MultipartTest, ::testing::Bool(),
                         [](const auto& it) { return it.param ? "Swift" : "Ceph"; });

TEST_P(S3MultipartTest, DeliversInParts) {
  const auto upload = make_upload(dir_.path(), some_content(kSize));
  TransferRun run(upload);
  const auto proof = run.run(*target(), file(upload));
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_FALSE(proof->already_there);
  EXPECT_THAT(run.finished(), UnorderedElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(proof->etag, HasSubstr("-5"));
  EXPECT_EQ(hash_in_store(upload), upload.sha256);
  const auto head = s3_.request("HEAD", "/clips/" + upload.object_key).headers;
  for (const std::string& text : {"sha256: " + upload.sha256, "clip-id: " + upload.subject_id,
                                  std::string("device-id: edge-01"), std::string("video/mp4")})
    EXPECT_THAT(head, HasSubstr(text));
}

TEST_P(S3MultipartTest, CountsTheSameContentAsThereAndNeverOverwritesOther) {
  const auto upload = make_upload(dir_.path(), some_content(kSize));
  ASSERT_TRUE(TransferRun(upload).run(*target(), file(upload)));
  EXPECT_TRUE(TransferRun(upload).run(*target(), file(upload))->already_there);
  auto other = make_upload(dir_.path(), some_content(kSize, 2));
  other.object_key = upload.object_key;
  const auto proof = TransferRun(other).run(*target(), file(other));
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::conflict);
  EXPECT_EQ(hash_in_store(upload), upload.sha256);
}

TEST_P(S3MultipartTest, GoesOnAfterItWasCutOffAndSendsNoFinishedPartTwice) {
  const TcpProxy proxy(s3_.endpoint());
  config_.endpoint = proxy.endpoint();
  const auto upload = make_upload(dir_.path(), some_content(kSize));
  TransferRun run(upload);
  run.most_in_flight = 1;
  {
    const auto before = target();
    run.begin(*before, file(upload));
    run.run_until(*before, [&] { return run.finished().size() == 3; });
    run.cut_off();
  }
  const auto finished = static_cast<int64_t>(run.finished().size());
  ASSERT_EQ(finished, 3);
  run.forget_finished();  // rows that a power cut took: the store knows them
  const int64_t before = proxy.bytes_up();
  const auto proof = run.run(*target(), file(upload));
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(run.begun(), 1);
  EXPECT_THAT(run.finished(), ElementsAre(1, 2, 3, 4, 5));
  const int64_t missing = upload.size_bytes - finished * config_.part_size_bytes;
  EXPECT_GE(proxy.bytes_up() - before, missing);
  EXPECT_LT(proxy.bytes_up() - before, missing + 50'000);
  EXPECT_EQ(hash_in_store(upload), upload.sha256);
}

TEST_P(S3MultipartTest, TellsTheTraceWithEachPart) {
  const TcpProxy proxy(s3_.endpoint());
  config_.endpoint = proxy.endpoint();
  auto upload = make_upload(dir_.path(), some_content(kSize));
  upload.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto proof = TransferRun(upload).run(*target(), file(upload));
  ASSERT_TRUE(proof) << proof.error().message;
  int written = 0;
  for (const auto& exchange : proxy.exchanges()) {
    if (!exchange.request.starts_with("PUT ") && !exchange.request.starts_with("POST ")) continue;
    ++written;
    EXPECT_THAT(exchange.head, HasSubstr("\r\ntraceparent: " + upload.traceparent)) << exchange.request;
  }
  EXPECT_EQ(written, 1 + 5 + 1);
}

TEST_P(S3MultipartTest, GoesOnAfterAConnectionThatWasResetInMidPart) {
  TcpProxy proxy(s3_.endpoint());
  config_.endpoint = proxy.endpoint();
  const auto upload = make_upload(dir_.path(), some_content(kSize));
  TransferRun run(upload);
  proxy.reset_after(12'000'000);
  const auto cut = run.run(*target(), file(upload));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Code::camera_unavailable) << cut.error().message;
  const auto proof = run.run(*target(), file(upload));
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(run.begun(), 1);
  EXPECT_EQ(hash_in_store(upload), upload.sha256);
}

TEST_P(S3MultipartTest, BelievesAnObjectWhoseAnswerWasLost) {
  if (GetParam()) GTEST_SKIP() << "its first answer is that it knows no conditions";
  TcpProxy proxy(s3_.endpoint());
  config_.endpoint = proxy.endpoint();
  const auto upload = make_upload(dir_.path(), some_content(1'000'000));
  proxy.swallow_answers(true);
  EXPECT_FALSE(TransferRun(upload).run(*target(), file(upload)));
  proxy.swallow_answers(false);
  const auto proof = TransferRun(upload).run(*target(), file(upload));
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_TRUE(proof->already_there);
  EXPECT_EQ(hash_in_store(upload), upload.sha256);
}

TEST_P(S3MultipartTest, ReachesAStoreOverIpv6) {
  const TcpProxy proxy(s3_.endpoint(), true);
  config_.endpoint = proxy.endpoint();
  ASSERT_THAT(config_.endpoint, HasSubstr("[::1]"));
  for (const size_t size : {size_t{1000}, kSize}) {
    const auto upload = make_upload(dir_.path(), some_content(size));
    const auto proof = TransferRun(upload).run(*target(), file(upload));
    ASSERT_TRUE(proof) << proof.error().message;
    EXPECT_EQ(hash_in_store(upload), upload.sha256);
  }
}

TEST_P(S3MultipartTest, BeginsAgainWhenItWasAborted) {
  const auto upload = make_upload(dir_.path(), some_content(kSize));
  TransferRun run(upload);
  const auto it = target();
  run.begin(*it, file(upload));
  run.run_until(*it, [&] { return !run.finished().empty(); });
  run.cut_off();
  s3_.request("DELETE", "/clips/" + upload.object_key + "?uploadId=" + run.upload_id());
  const auto proof = run.run(*target(), file(upload));
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(run.begun(), 2);
  EXPECT_EQ(hash_in_store(upload), upload.sha256);
}

TEST_P(S3MultipartTest, LeavesAtAPartAndGoesOnLater) {
  const auto upload = make_upload(dir_.path(), some_content(kSize));
  TransferRun run(upload);
  run.before_part = [&](int in_flight) {
    if (run.finished().size() >= 2) return NextPart::leave;
    return in_flight < 1 ? NextPart::go : NextPart::wait;
  };
  const auto left = run.run(*target(), file(upload));
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().code, Code::cancelled);
  EXPECT_EQ(run.finished().size(), 2u);
  run.before_part = {};
  EXPECT_TRUE(run.run(*target(), file(upload)));
  EXPECT_EQ(run.finished().size(), 5u);
}

TEST_P(S3MultipartTest, RefusesAFileThatChangedAndLeavesNothingOfIt) {
  auto upload = make_upload(dir_.path(), some_content(kSize));
  upload.object_key = "edge-01/changed/" + upload.subject_id;
  test::write_text(file(upload), some_content(kSize, 2));
  const auto proof = TransferRun(upload).run(*target(), file(upload));
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::upload_failed);
  EXPECT_EQ(s3_.request("HEAD", "/clips/" + upload.object_key).status, 404);
  EXPECT_THAT(begun_uploads("edge-01/changed/"), ElementsAre());

  TransferRun run(upload);
  run.before_part = [&](int in_flight) {
    if (run.finished().size() == 1) std::filesystem::resize_file(file(upload), 6 << 20);
    return in_flight < 1 ? NextPart::go : NextPart::wait;
  };
  const auto shorter = run.run(*target(), file(upload));
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().code, Code::upload_failed) << shorter.error().message;
}

// As when a clip is closed.
void remember_hashes(Upload& upload, const std::filesystem::path& file) {
  upload.part_sha256 = hash_of(file::open_read(file)->get(), upload.size_bytes)->parts;
}

TEST_P(S3MultipartTest, SignsTheHashesThatAreKnown) {
  config_.part_size_bytes = kHashedPartBytes;
  auto upload = make_upload(dir_.path(), some_content(kSize));
  remember_hashes(upload, file(upload));
  upload.sha256 = sha256_hex("not what is read: nothing is hashed");
  TransferRun run(upload);
  const auto proof = run.run(*target(), file(upload));
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(run.finished().size(), 3u);
  EXPECT_EQ(hash_in_store(upload), sha256_hex(some_content(kSize)));
}

TEST_P(S3MultipartTest, TheStoreRefusesAFileThatChangedSinceItsPartsWereHashed) {
  config_.part_size_bytes = kHashedPartBytes;
  auto upload = make_upload(dir_.path(), some_content(kSize));
  upload.object_key = "edge-01/rotten/" + upload.subject_id;
  remember_hashes(upload, file(upload));
  auto content = some_content(kSize);
  content[kHashedPartBytes + 5] ^= 1;
  test::write_text(file(upload), content);
  upload.attempts = 1;
  TransferRun first(upload);
  const auto refused = first.run(*target(), file(upload));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::upload_failed) << refused.error().message;
  EXPECT_EQ(s3_.request("HEAD", "/clips/" + upload.object_key).status, 404);

  // The next try looks for itself, says why, and leaves nothing.
  upload.attempts = 2;
  upload.upload_id = first.upload_id();
  upload.part_size_bytes = kHashedPartBytes;
  const auto seen = TransferRun(upload).run(*target(), file(upload));
  ASSERT_FALSE(seen);
  EXPECT_THAT(seen.error().message, HasSubstr("the local file has changed"));
  EXPECT_THAT(begun_uploads("edge-01/rotten/"), ElementsAre());
}

TEST_P(S3MultipartTest, TakesManySmallPartsWhenTheWayIsSlow) {
  config_.part_size_bytes = 20 << 20;
  const auto upload = make_upload(dir_.path(), some_content(kSize));
  TransferRun run(upload);
  run.bits_per_s = 900'000;  // 6.75 MB a minute
  ASSERT_TRUE(run.run(*target(), file(upload)));
  EXPECT_EQ(run.finished().size(), 4u);  // of 6 MiB
}

TEST_P(S3MultipartTest, RemovesOldPartsThatNobodyKnowsAndNoOthers) {
  const std::string ours = begin_upload("edge-01/orphans/a");
  const std::string known = begin_upload("edge-01/orphans/b");
  const std::string foreign = begin_upload("edge-011/orphans/c");
  ASSERT_FALSE(ours.empty() || known.empty() || foreign.empty());
  ASSERT_EQ(begun_uploads("edge-01/orphans/").size(), 2u);
  const auto is_known = [&](const std::string& id) -> Result<bool> { return id == known; };
  // By a clock that is a day ahead, which would find all of them old: it is the store's that counts.
  FakeClock clock(std::chrono::floor<microseconds>(std::chrono::system_clock::now()) + std::chrono::hours(25));
  const auto sweep = [&](microseconds old, const std::function<bool()>& done) {
    config_.orphan_age = old;
    const auto it = target(clock);
    it->sweep(is_known, [](const Error& error) { ADD_FAILURE() << error.message; });
    const MonoTime end = Clock::system().mono() + 60s;
    while (!done() && Clock::system().mono() < end) it->run(100ms);
  };
  int turns = 0;
  sweep(24h, [&] { return ++turns > 10; });
  EXPECT_THAT(begun_uploads("edge-01/orphans/"), UnorderedElementsAre(ours, known)) << "they are too young";
  sweep(-60s, [&] { return begun_uploads("edge-01/orphans/").size() == 1; });
  EXPECT_THAT(begun_uploads("edge-01/orphans/"), ElementsAre(known));
  EXPECT_THAT(begun_uploads("edge-011/"), ElementsAre(foreign));
}

TEST_P(S3MultipartTest, SaysWhichOptionTheStoreRefuses) {
  for (const size_t size : {size_t{1000}, kSize}) {
    auto upload = make_upload(dir_.path(), some_content(size));
    config_.server_side_encryption.clear();
    config_.storage_class = "STANDARD_IA";
    auto proof = TransferRun(upload).run(*target(), file(upload));
    ASSERT_FALSE(proof);
    EXPECT_EQ(proof.error().code, Code::unsupported) << proof.error().message;
    EXPECT_THAT(proof.error().message, HasSubstr("storage_class"));
    config_.storage_class.clear();
    config_.server_side_encryption = "AES256";
    proof = TransferRun(upload).run(*target(), file(upload));
    ASSERT_FALSE(proof);
    EXPECT_EQ(proof.error().code, Code::unsupported) << proof.error().message;
    EXPECT_THAT(proof.error().message, HasSubstr("server_side_encryption"));
    EXPECT_EQ(s3_.request("HEAD", "/clips/" + upload.object_key).status, 404) << "not without the option";
  }
}

TEST_P(S3MultipartTest, TagsAndMetadataArriveOrNothingDoes) {
  config_.tags = {{"site", "north gate"}};
  config_.metadata = {{"site", "north"}};
  for (const size_t size : {size_t{1000}, kSize}) {
    const auto upload = make_upload(dir_.path(), some_content(size));
    const auto proof = TransferRun(upload).run(*target(), file(upload));
    if (GetParam()) {  // Swift knows no tags
      ASSERT_FALSE(proof) << size;
      EXPECT_THAT(proof.error().message, HasSubstr("upload.tags"));
      continue;
    }
    ASSERT_TRUE(proof) << proof.error().message;
    EXPECT_THAT(tags_of(upload.object_key), HasSubstr("north gate"));
    EXPECT_THAT(s3_.request("HEAD", "/clips/" + upload.object_key).headers, HasSubstr("x-amz-meta-site: north"));
  }
}

TEST(S3MultipartTlsTest, DeliversInPartsOverTls) {
  const TempDir dir;
  const S3Server secure({.tls = true});
  secure.create_bucket(kBucket);
  S3Config config;
  config.endpoint = secure.endpoint();
  config.bucket = kBucket;
  config.part_size_bytes = 5 << 20;
  config.ca_file = secure.certificates().ca;
  const auto upload = make_upload(dir.path(), some_content(kSize));
  const auto target = make_s3_target(config, constant_credentials({secure.access_key(), secure.secret_key(), ""}));
  TransferRun run(upload);
  run.most_in_flight = 4;
  const auto proof = run.run(*target, dir.path() / upload.path);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(sha256_hex(secure.request("GET", "/clips/" + upload.object_key).body), upload.sha256);
}

}  // namespace
}  // namespace vedette
