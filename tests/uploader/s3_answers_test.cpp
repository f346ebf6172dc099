// What S3Put and S3Parts make of answers that real servers give too rarely to wait for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/md5.h"
#include "tests/support/fake_clock.h"
#include "tests/support/http_script.h"
#include "tests/support/temp_dir.h"
#include "tests/uploader/transfer_run.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/s3_config.h"

namespace vedette {
namespace {

using test::FakeClock;
using test::HttpScript;
using test::make_upload;
using test::some_content;
using test::TempDir;
using test::TransferRun;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Answer = HttpScript::Answer;
using How = HttpScript::Answer::How;

constexpr size_t kSmall = 200'000;

// As most stores answer to an object of this size.
const std::string& small_etag() {
  static const std::string etag = md5_hex(some_content(kSmall));
  return etag;
}
std::vector<std::pair<std::string, std::string>> etag(const std::string& text) {
  return {{"ETag", "\"" + text + "\""}};
}
Answer ok(std::vector<std::pair<std::string, std::string>> headers = etag(small_etag()), std::string body = "") {
  return {200, std::move(headers), std::move(body)};
}
Answer refusal(int status, const std::string& code) {
  return {status, {}, "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code></Error>"};
}
Answer but(How how, Answer answer = {}) {
  answer.how = how;
  return answer;
}
Answer shows(const Upload& upload) {
  return {200,
          {{"Content-Length", std::to_string(upload.size_bytes)},
           {"x-amz-meta-sha256", upload.sha256},
           {"ETag", "\"looked\""}}};
}

class S3AnswersTest : public ::testing::Test {
 protected:
  S3AnswersTest() { config_.part_size_bytes = 5 << 20; }

  // The n-th request (from 0) and what it gets.
  using Script = std::function<Answer(size_t n, const HttpScript::Request&)>;

  void serve(Script script) {
    server_ = std::make_unique<HttpScript>(
        [this, script = std::move(script)](const HttpScript::Request& request) { return script(count_++, request); });
    config_.endpoint = server_->endpoint();
    config_.bucket = "b";
    timeouts_.stall = 1s;
    target_ = make_s3_target(config_, credentials_, Clock::system(), timeouts_);
  }
  void answer(std::vector<Answer> answers) {
    serve([answers = std::move(answers)](size_t n, const HttpScript::Request&) {
      return n < answers.size() ? answers[n] : refusal(500, "NotExpected");
    });
  }
  Result<UploadProof> put(const Upload& upload) { return run_for(upload).run(*target_, dir_.path() / upload.path); }
  TransferRun& run_for(const Upload& upload) { return run_.emplace(upload); }
  Code code_of(const Upload& upload) {
    const auto proof = put(upload);
    return proof ? Code::ok : proof.error().code;
  }
  std::vector<std::string> methods() const { return server_->methods(); }

  const TempDir dir_;
  const Upload small_ = make_upload(dir_.path(), some_content(kSmall));
  const Upload large_ = make_upload(dir_.path(), some_content(6 << 20));
  S3Config config_;
  S3Timeouts timeouts_;
  std::shared_ptr<CredentialsSource> credentials_ = constant_credentials({"key", "secret", "token"});
  std::atomic<size_t> count_ = 0;
  std::unique_ptr<HttpScript> server_;
  std::unique_ptr<Target> target_;
  std::optional<TransferRun> run_;
};

TEST_F(S3AnswersTest, OneRequestIsEnoughAndWritesOnlyWhatIsNotThere) {
  answer({ok()});
  const auto proof = put(small_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(proof->etag, small_etag());
  EXPECT_THAT(methods(), ElementsAre("PUT"));
  const auto request = server_->requests()[0];
  EXPECT_EQ(request.headers.at("if-none-match"), "*");
  EXPECT_EQ(request.headers.at("x-amz-content-sha256"), small_.sha256);
  EXPECT_EQ(request.headers.at("x-amz-security-token"), "token");
}

TEST_F(S3AnswersTest, LooksWhenThereIsNoETag) {
  answer({ok({}), shows(small_)});
  EXPECT_EQ(put(small_)->etag, "looked");
  EXPECT_THAT(methods(), ElementsAre("PUT", "HEAD"));
}

// Through what knows no "100 Continue", and through what waits for the body.
TEST_F(S3AnswersTest, DeliversWhereExpectationsAreRefusedOrIgnored) {
  serve([](size_t, const HttpScript::Request& request) {
    return request.headers.contains("expect") ? but(How::no_continue, {417, {}, "<html>no</html>"}) : ok();
  });
  for (int i = 0; i < 2; ++i) {
    const auto proof = put(small_);
    ASSERT_TRUE(proof) << proof.error().message;
    EXPECT_EQ(proof->etag, small_etag());
  }
  EXPECT_THAT(methods(), ElementsAre("PUT", "PUT", "PUT", "PUT"));
  count_ = 0;
  serve([](size_t, const HttpScript::Request&) { return but(How::silent, ok()); });
  timeouts_.stall = 20s;  // libcurl waits for a second
  target_ = make_s3_target(config_, credentials_, Clock::system(), timeouts_);
  const auto proof = put(small_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_THAT(methods(), ElementsAre("PUT"));
  EXPECT_TRUE(server_->requests()[0].headers.contains("expect"));
}

TEST_F(S3AnswersTest, KnowsWhenSomethingElseThanTheStoreAnswers) {
  const std::string page = "<html><body>Please log in</body></html>";
  const std::vector<Answer> portals = {
      {302, {{"Location", "http://portal.invalid/"}}},
      {200, {{"Content-Type", "text/html"}}, page},
      {200, {{"Content-Type", "text/html"}, {"ETag", "\"5f1d2c-264\""}}, page},
      {200, {{"ETag", "\"5f1d2c-264\""}}},
      {200, {{"ETag", "\"0123456789abcdef0123456789abcdef\""}}},
      {200},
      {404, {{"Content-Type", "text/html"}}, page},
      {400, {}, "Client sent an HTTP request to an HTTPS server.\n"},
      {511},
  };
  for (size_t i = 0; i < portals.size(); ++i)
    for (const Upload* upload : {&small_, &large_}) {
      serve([&](size_t, const HttpScript::Request&) { return portals[i]; });
      const auto proof = put(*upload);
      ASSERT_FALSE(proof) << i;
      // What is there before it is sent may be another's.
      const bool is_conflict = upload == &large_ && (i == 3 || i == 4);
      EXPECT_EQ(proof.error().code, is_conflict ? Code::conflict : Code::camera_unavailable)
          << i << ": " << proof.error().message;
      EXPECT_LE(methods().size(), 3u) << i;
    }
}

TEST_F(S3AnswersTest, ComparesTheFirstObjectAndThenTrustsTheStore) {
  const Answer encrypted = ok(etag("0123456789abcdef0123456789abcdef"));  // not the MD5 of what was sent
  answer({encrypted, shows(small_), encrypted, encrypted});
  for (int i = 0; i < 3; ++i) {
    const auto proof = put(small_);
    ASSERT_TRUE(proof) << proof.error().message;
    EXPECT_EQ(proof->etag, "0123456789abcdef0123456789abcdef");
  }
  EXPECT_THAT(methods(), ElementsAre("PUT", "HEAD", "PUT", "PUT"));
}

TEST_F(S3AnswersTest, ComparesAgainWhenTheETagsHaveAnotherForm) {
  answer({ok(), ok(etag("5f1d2c-264")), shows(small_), ok(etag("5f1d2c-265")), ok()});
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(put(small_)) << i;
  EXPECT_THAT(methods(), ElementsAre("PUT", "PUT", "HEAD", "PUT", "PUT"));
}

// Without TLS it may lead elsewhere.
TEST_F(S3AnswersTest, ComparesAfterEachNewConnection) {
  const Answer encrypted = ok(etag("0123456789abcdef0123456789abcdef"));
  Answer last = encrypted;
  last.headers.emplace_back("Connection", "close");
  answer({encrypted, shows(small_), last, encrypted, shows(small_), encrypted});
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(put(small_)) << i;
  EXPECT_THAT(methods(), ElementsAre("PUT", "HEAD", "PUT", "PUT", "HEAD", "PUT"));
}

// It took what was sent, and a policy hides it: more cannot be known.
TEST_F(S3AnswersTest, TakesTheETagWhereThePolicyAllowsNoLook) {
  answer({ok(etag("5f1d2c-264")), refusal(403, "AccessDenied"), refusal(403, "AccessDenied"), ok(etag("5f1d2c-265"))});
  EXPECT_TRUE(put(small_));
  EXPECT_TRUE(put(small_));
  EXPECT_THAT(methods(), ElementsAre("PUT", "HEAD", "GET", "PUT"));
}

TEST_F(S3AnswersTest, LooksWhenTheAnswerIsLost) {
  answer({but(How::no_answer), shows(small_)});
  EXPECT_EQ(put(small_)->etag, "looked");
  answer({but(How::never), shows(small_)});
  count_ = 0;
  EXPECT_EQ(put(small_)->etag, "looked");
  count_ = 0;
  answer({but(How::no_answer), {404}});
  EXPECT_EQ(code_of(small_), Code::camera_unavailable);
}

TEST_F(S3AnswersTest, DoesNotLookWhenNotAllWasSent) {
  config_.part_size_bytes = 64 << 20;  // more than two kernels hold
  answer({but(How::reset)});
  EXPECT_EQ(code_of(make_upload(dir_.path(), some_content(40 << 20))), Code::camera_unavailable);
  EXPECT_THAT(methods(), ElementsAre("PUT"));
}

TEST_F(S3AnswersTest, SendsNothingThatIsRefusedBefore) {
  answer({but(How::no_continue, refusal(403, "InvalidAccessKeyId"))});
  const auto proof = put(small_);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::forbidden);
}

TEST_F(S3AnswersTest, WhatIsThereAlreadyIsComparedAndNeverOverwritten) {
  answer({refusal(412, "PreconditionFailed"), shows(small_)});
  EXPECT_TRUE(put(small_)->already_there);
  count_ = 0;
  answer({refusal(412, "PreconditionFailed"), shows(large_)});
  EXPECT_EQ(code_of(small_), Code::conflict);
  EXPECT_THAT(methods(), ElementsAre("PUT", "HEAD"));
}

TEST_F(S3AnswersTest, RemembersAStoreThatKnowsNoConditions) {
  answer({refusal(501, "NotImplemented"), {404}, ok(), {404}, ok(), shows(large_)});
  EXPECT_TRUE(put(small_));
  EXPECT_TRUE(put(small_));
  EXPECT_THAT(methods(), ElementsAre("PUT", "HEAD", "PUT", "HEAD", "PUT"));
  EXPECT_FALSE(server_->requests()[4].headers.contains("if-none-match"));
  EXPECT_EQ(code_of(small_), Code::conflict);
}

TEST_F(S3AnswersTest, TellsWhatTheStoreAsksFor) {
  const std::vector<std::pair<Answer, Code>> cases = {
      {refusal(503, "SlowDown"), Code::busy},
      {refusal(503, "ServiceUnavailable"), Code::busy},
      {refusal(400, "RequestTimeout"), Code::timed_out},
      {refusal(404, "NoSuchBucket"), Code::not_found},
      {refusal(409, "ConditionalRequestConflict"), Code::busy},
      {but(How::truncated, refusal(503, "SlowDown")), Code::upload_failed}};
  for (const auto& [given, code] : cases) {
    count_ = 0;
    serve([answer = given](size_t, const HttpScript::Request&) { return answer; });
    const auto proof = put(small_);
    ASSERT_FALSE(proof);
    if (given.how == How::truncated)
      EXPECT_EQ(proof.error().code, Code::camera_unavailable);
    else
      EXPECT_EQ(proof.error().code, code) << given.body;
  }
}

TEST_F(S3AnswersTest, SendsTheOptionsAndDropsNone) {
  config_.storage_class = "STANDARD_IA";
  config_.server_side_encryption = "aws:kms";
  config_.kms_key_id = "k1";
  config_.tags = {{"site", "a b"}, {"x", "1&2"}};
  config_.metadata = {{"site", "north"}};
  answer(
      {ok(), {404}, ok({}, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")});
  ASSERT_TRUE(put(small_));
  static_cast<void>(put(large_));
  for (const size_t n : {size_t{0}, size_t{2}}) {
    const auto headers = server_->requests()[n].headers;
    EXPECT_EQ(headers.at("x-amz-storage-class"), "STANDARD_IA");
    EXPECT_EQ(headers.at("x-amz-server-side-encryption"), "aws:kms");
    EXPECT_EQ(headers.at("x-amz-server-side-encryption-aws-kms-key-id"), "k1");
    EXPECT_EQ(headers.at("x-amz-tagging"), "site=a%20b&x=1%262");
    EXPECT_EQ(headers.at("x-amz-meta-site"), "north");
  }
}

TEST_F(S3AnswersTest, SaysWhichOptionTheStoreRefuses) {
  config_.storage_class = "COLD";
  config_.server_side_encryption = "AES256";
  answer({refusal(400, "InvalidStorageClass")});
  auto proof = put(small_);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::unsupported);
  EXPECT_THAT(proof.error().message, HasSubstr("upload.storage_class (COLD)"));
  EXPECT_THAT(proof.error().message, Not(HasSubstr("server_side_encryption")));

  config_.storage_class.clear();
  count_ = 0;
  answer({refusal(501, "NotImplemented"), {404}, refusal(501, "NotImplemented")});
  proof = put(small_);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::unsupported);
  EXPECT_THAT(proof.error().message, HasSubstr("upload.server_side_encryption (AES256)"));

  count_ = 0;
  answer({{404}, refusal(501, "NotImplemented")});
  EXPECT_EQ(code_of(large_), Code::unsupported);
}

TEST_F(S3AnswersTest, GoesThroughAProxy) {
  answer({ok()});
  config_.proxy = server_->endpoint();
  config_.endpoint = "http://store.invalid";
  target_ = make_s3_target(config_, credentials_);
  const auto proof = put(small_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(server_->requests()[0].target.rfind("http://store.invalid/b/edge-01/", 0), 0u);
  EXPECT_EQ(server_->requests()[0].headers.at("host"), "store.invalid");
}

TEST_F(S3AnswersTest, NamesTheBucketInTheHostWhenToldTo) {
  answer({ok()});
  config_.proxy = server_->endpoint();
  config_.endpoint = "http://store.invalid:8080";
  config_.path_style = false;
  target_ = make_s3_target(config_, credentials_);
  ASSERT_TRUE(put(small_));
  EXPECT_EQ(server_->requests()[0].headers.at("host"), "b.store.invalid:8080");
  EXPECT_EQ(server_->requests()[0].target.rfind("http://b.store.invalid:8080/edge-01/", 0), 0u);
}

// Gives the second pair when the first was refused.
class Renewed : public CredentialsSource {
 public:
  Result<S3Credentials> current() override { return S3Credentials{codes.empty() ? "old" : "new", "secret", ""}; }
  void refused(const S3Credentials& credentials, const std::string& code) override {
    codes.push_back(credentials.access_key_id + " " + code);
  }
  std::vector<std::string> codes;
};

TEST_F(S3AnswersTest, TakesNewCredentialsWhenTheOldOnesAreRefused) {
  const auto source = std::make_shared<Renewed>();
  credentials_ = source;
  answer({refusal(403, "ExpiredToken"), ok()});
  const auto proof = put(small_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_THAT(source->codes, ElementsAre("old ExpiredToken"));
  EXPECT_THAT(server_->requests()[1].headers.at("authorization"), HasSubstr("Credential=new/"));
}

class NoCredentials : public CredentialsSource {
 public:
  Result<S3Credentials> current() override { return fail(Code::busy, "they are being fetched"); }
  void refused(const S3Credentials&, const std::string&) override {}
};

TEST_F(S3AnswersTest, EndsWithTheErrorOfTheCredentials) {
  credentials_ = std::make_shared<NoCredentials>();
  answer({});
  EXPECT_EQ(code_of(small_), Code::busy);
  EXPECT_EQ(code_of(large_), Code::busy);
  EXPECT_THAT(methods(), ElementsAre());
}

// ---- in parts: two, of 5 MiB and 1 MiB

const std::string kCreated =
    "<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>";
const std::string kCompleted =
    "<?xml version=\"1.0\"?>\n<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>";

class S3PartsAnswersTest : public S3AnswersTest {
 protected:
  // The usual answers of a store; `other` may give another one.
  void store(std::function<std::optional<Answer>(const HttpScript::Request&)> other = {}) {
    count_ = 0;
    completed_ = false;
    serve([this, other = std::move(other)](size_t, const HttpScript::Request& request) -> Answer {
      if (other)
        if (auto answer = other(request)) return *answer;
      if (request.method == "HEAD") return completed_ ? shows(large_) : Answer{404};
      if (request.method == "POST" && request.has("uploads=")) return ok({}, kCreated);
      if (request.method == "PUT") return ok();
      if (request.method == "POST") {
        completed_ = true;
        return ok({}, kCompleted);
      }
      return {204};
    });
  }
  static std::string parts_xml(const std::vector<int>& numbers, int next = 0) {
    std::string xml = "<ListPartsResult><IsTruncated>" + std::string(next > 0 ? "true" : "false") +
                      "</IsTruncated><NextPartNumberMarker>" + std::to_string(next) + "</NextPartNumberMarker>";
    for (const int n : numbers)
      xml += "<Part><PartNumber>" + std::to_string(n) + "</PartNumber><ETag>&quot;e" + std::to_string(n) +
             "&quot;</ETag><Size>" + std::to_string(n == 1 ? 5 << 20 : 1 << 20) + "</Size></Part>";
    return xml + "</ListPartsResult>";
  }
  int count_of(const std::string& method, const std::string& text) const {
    int n = 0;
    for (const auto& request : server_->requests()) n += request.method == method && request.has(text) ? 1 : 0;
    return n;
  }
  std::atomic<bool> completed_ = false;
};

TEST_F(S3PartsAnswersTest, TheLookAfterwardsIsTheProof) {
  store();
  const auto proof = put(large_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(proof->etag, "looked");
  EXPECT_EQ(run_->upload_id(), "u&1");
  EXPECT_EQ(count_of("PUT", "uploadId=u%261"), 2);
  store([this](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method == "HEAD") return completed_ ? shows(small_) : Answer{404};
    return std::nullopt;
  });
  EXPECT_EQ(code_of(large_), Code::upload_failed) << "200 and another object";
}

TEST_F(S3PartsAnswersTest, ReadsTheErrorInsideOfA200) {
  for (const auto& [name, code] : {std::pair("InternalError", Code::busy), std::pair("SlowDown", Code::busy),
                                   std::pair("AccessDenied", Code::forbidden)}) {
    store([&](const HttpScript::Request& request) -> std::optional<Answer> {
      if (request.method == "POST" && request.has("uploadId"))
        return ok({}, "\n\n <?xml version=\"1.0\"?><Error><Code>" + std::string(name) + "</Code></Error>");
      return std::nullopt;
    });
    EXPECT_EQ(code_of(large_), code) << name;
  }
}

TEST_F(S3PartsAnswersTest, LooksWhenTheAnswerToCompleteIsLostOrStrange) {
  for (const auto& answer :
       {but(How::no_answer), but(How::never), ok({}, ""), ok({}, "<html>"), but(How::truncated, ok({}, kCompleted))}) {
    store([&](const HttpScript::Request& request) -> std::optional<Answer> {
      if (request.method != "POST" || !request.has("uploadId")) return std::nullopt;
      completed_ = true;
      return answer;
    });
    const auto proof = put(large_);
    EXPECT_TRUE(proof) << proof.error().message << " after " << answer.body;
  }
}

TEST_F(S3PartsAnswersTest, AsksForETagsThatWereNotGiven) {
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method == "PUT") return ok({});
    if (request.method == "GET") return ok({}, parts_xml({1, 2}));
    return std::nullopt;
  });
  EXPECT_TRUE(put(large_));
  EXPECT_EQ(count_of("GET", "uploadId="), 1);
}

TEST_F(S3PartsAnswersTest, ReadsTheListOfPartsPageByPageAndSendsOnlyWhatIsMissing) {
  auto begun = large_;
  begun.upload_id = "u1";
  begun.part_size_bytes = 5 << 20;
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method != "GET") return std::nullopt;
    return ok({}, request.has("part-number-marker=1") ? parts_xml({2}) : parts_xml({1}, 1));
  });
  EXPECT_TRUE(put(begun));
  EXPECT_EQ(count_of("PUT", ""), 0);
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method != "GET") return std::nullopt;
    return ok({}, parts_xml({2}));
  });
  EXPECT_TRUE(put(begun));
  EXPECT_EQ(count_of("PUT", "partNumber=1"), 1);
  EXPECT_EQ(count_of("PUT", ""), 1);
}

// 8 MiB at 500 kbit/s would take 134 s, from the first byte again after each break.
TEST_F(S3PartsAnswersTest, WhatCouldGoInOneRequestGoesInPartsOnASlowWay) {
  config_.part_size_bytes = 8 << 20;
  store();
  run_for(large_).bits_per_s = 500'000;
  ASSERT_TRUE(run_->run(*target_, dir_.path() / large_.path));
  EXPECT_EQ(count_of("PUT", "partNumber="), 2);
  EXPECT_THAT(run_->finished(), ::testing::UnorderedElementsAre(1, 2));
  store();
  run_for(large_).bits_per_s = 50'000'000;
  static_cast<void>(run_->run(*target_, dir_.path() / large_.path));
  EXPECT_EQ(count_of("PUT", "partNumber="), 0);
  EXPECT_EQ(count_of("PUT", ""), 1);
}

// What was begun in parts stays so, when the rate is not known any more, say after a start.
TEST_F(S3PartsAnswersTest, WhatWasBegunInPartsGoesOnInParts) {
  config_.part_size_bytes = 8 << 20;
  auto begun = large_;
  begun.upload_id = "u1";
  begun.part_size_bytes = 5 << 20;
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method != "GET") return std::nullopt;
    return ok({}, parts_xml({1}));
  });
  EXPECT_TRUE(put(begun));
  EXPECT_EQ(count_of("PUT", "partNumber=2"), 1);
  EXPECT_EQ(count_of("PUT", ""), 1);
}

TEST_F(S3PartsAnswersTest, CutsAnewWhatWasBegunWhenNoPartIsThere) {
  config_.part_size_bytes = 8 << 20;
  auto begun = large_;
  begun.upload_id = "u1";
  begun.part_size_bytes = 6 << 20;
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method != "GET") return std::nullopt;
    return ok({}, parts_xml({}));
  });
  run_for(begun).bits_per_s = 500'000;
  ASSERT_TRUE(run_->run(*target_, dir_.path() / begun.path));
  EXPECT_EQ(count_of("PUT", "uploadId=u1"), 2) << "of 5 MiB and 1 MiB";
  EXPECT_EQ(run_->upload_id(), "u1");
  EXPECT_EQ(run_->begun(), 1) << "the catalog hears of the new size";
}

// Parts are proved by a look, one request by its answer.
TEST_F(S3PartsAnswersTest, GoesInOneRequestOnASlowWayTooWhereThePolicyAllowsNoLook) {
  config_.part_size_bytes = 8 << 20;
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method == "HEAD" || request.method == "GET") return refusal(403, "AccessDenied");
    return std::nullopt;
  });
  run_for(large_).bits_per_s = 500'000;
  const auto left = run_->run(*target_, dir_.path() / large_.path);
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().code, Code::cancelled) << "it is begun again at once";
  const auto proof = run_->run(*target_, dir_.path() / large_.path);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(count_of("POST", ""), 0);
  EXPECT_EQ(count_of("PUT", ""), 1);
}

TEST_F(S3PartsAnswersTest, BeginsAgainOnceWhenTheStoreHasForgotten) {
  auto begun = large_;
  begun.upload_id = "old";
  begun.part_size_bytes = 5 << 20;
  for (const std::string method : {"GET", "PUT", "POST"}) {
    store([&](const HttpScript::Request& request) -> std::optional<Answer> {
      if (request.method == "GET" && method != "GET") return ok({}, parts_xml({}));
      if (request.method == method && request.has("uploadId=old")) return refusal(404, "NoSuchUpload");
      return std::nullopt;
    });
    const auto proof = put(begun);
    EXPECT_TRUE(proof) << method << ": " << proof.error().message;
    EXPECT_EQ(run_->begun(), 1) << method;
    EXPECT_EQ(count_of("PUT", "uploadId=u%261"), 2) << method;
  }
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.has("uploadId")) return refusal(404, "NoSuchUpload");
    return std::nullopt;
  });
  EXPECT_EQ(code_of(begun), Code::busy);
}

TEST_F(S3PartsAnswersTest, BeginsAgainWhenThePartsDoNotFit) {
  int completions = 0;
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method == "POST" && request.has("uploadId") && ++completions == 1) return refusal(400, "InvalidPart");
    return std::nullopt;
  });
  EXPECT_TRUE(put(large_));
  EXPECT_EQ(run_->begun(), 2);
}

TEST_F(S3PartsAnswersTest, FinishesThePartsUnderWayWhenOneFails) {
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.has("partNumber=1")) return but(How::no_continue, refusal(503, "SlowDown"));
    return std::nullopt;
  });
  EXPECT_EQ(code_of(large_), Code::busy);
  for (const int number : run_->finished()) EXPECT_EQ(number, 2);
  EXPECT_EQ(run_->upload_id(), "u&1") << "it goes on there";
}

// A store that takes the tags of Create and forgets them would lose them in silence.
TEST_F(S3PartsAnswersTest, PutsTheTagsOnTheWholeObject) {
  config_.tags = {{"site", "a&b"}};
  store();
  EXPECT_TRUE(put(large_));
  EXPECT_EQ(count_of("PUT", "?tagging="), 1);
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.has("?tagging=")) return refusal(501, "NotImplemented");
    return std::nullopt;
  });
  const auto proof = put(large_);
  ASSERT_FALSE(proof);
  EXPECT_EQ(proof.error().code, Code::unsupported);
  EXPECT_THAT(proof.error().message, HasSubstr("upload.tags"));
  EXPECT_EQ(code_of(large_), Code::unsupported) << "now that the object is there, too";
}

TEST_F(S3PartsAnswersTest, AbortsWhatNobodyWantsAnyMore) {
  store();
  auto& run = run_for(large_);
  run.keeps = fail(Code::not_found, "the row is gone");
  EXPECT_FALSE(run.run(*target_, dir_.path() / large_.path));
  EXPECT_EQ(count_of("DELETE", "uploadId=u%261"), 1);
  EXPECT_EQ(count_of("POST", "uploadId"), 0);
}

// ---- parts that nobody knows

class S3SweepAnswersTest : public S3AnswersTest {
 protected:
  // What comes of it: how often it is to be tried again.
  int sweep(const Clock& clock, size_t requests) {
    config_.own_keys = "edge-01/";
    target_ = make_s3_target(config_, credentials_, clock, timeouts_);
    int failed = 0;
    target_->sweep([](const std::string&) -> Result<bool> { return false; }, [&](const Error&) { ++failed; });
    const MonoTime end = Clock::system().mono() + 10s;
    while (server_->requests().size() < requests && Clock::system().mono() < end) target_->run(50ms);
    for (int turn = 0; turn < 5; ++turn) target_->run(20ms);
    return failed;
  }
};

TEST_F(S3SweepAnswersTest, SaysWhenItCouldNotLook) {
  for (const auto& [given, again] :
       {std::pair(refusal(503, "SlowDown"), 1), std::pair(but(How::no_answer), 1), std::pair(Answer{302}, 1),
        std::pair(refusal(403, "AccessDenied"), 0), std::pair(refusal(501, "NotImplemented"), 0),
        std::pair(ok({}, "<ListMultipartUploadsResult></ListMultipartUploadsResult>"), 0)}) {
    serve([answer = given](size_t, const HttpScript::Request&) { return answer; });
    EXPECT_EQ(sweep(Clock::system(), 1), again) << given.status << given.body;
  }
}

// A box that has been at 1970 for weeks would find everything too young.
TEST_F(S3SweepAnswersTest, GoesByTheStoresClock) {
  const FakeClock ours(*from_rfc3339("1970-01-01T00:10:00Z"));
  serve([](size_t n, const HttpScript::Request& request) -> Answer {
    if (n == 0) return {403, {{"Date", "Fri, 20 Nov 2026 12:00:00 GMT"}}, refusal(403, "RequestTimeTooSkewed").body};
    if (request.method == "DELETE") return {204};
    const auto begun = [](const std::string& id, const std::string& at) {
      return "<Upload><Key>edge-01/a</Key><UploadId>" + id + "</UploadId><Initiated>" + at + "</Initiated></Upload>";
    };
    return ok({}, "<ListMultipartUploadsResult>" + begun("old", "2026-11-19T11:00:00.000Z") +
                      begun("young", "2026-11-19T13:00:00.000Z") + "</ListMultipartUploadsResult>");
  });
  EXPECT_EQ(sweep(ours, 3), 0);
  ASSERT_THAT(methods(), ElementsAre("GET", "GET", "DELETE"));
  EXPECT_TRUE(server_->requests()[2].has("uploadId=old"));
}

}  // namespace
}  // namespace vedette
