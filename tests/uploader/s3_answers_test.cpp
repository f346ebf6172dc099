// What S3Put makes of answers that real servers give too rarely to wait for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/uploader/s3_answers_fixture.h"

namespace vedette {
namespace {

using test::Answer;
using test::but;
using test::etag;
using test::How;
using test::HttpScript;
using test::make_upload;
using test::ok;
using test::refusal;
using test::S3AnswersTest;
using test::shows;
using test::small_etag;
using test::some_content;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

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

}  // namespace
}  // namespace vedette
