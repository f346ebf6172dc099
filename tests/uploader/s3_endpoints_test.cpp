// A target that has two endpoints of its store, each of which is a script.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/ports.h"
#include "tests/support/s3_server.h"
#include "tests/support/wait.h"
#include "tests/uploader/s3_answers_fixture.h"

namespace vedette {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class S3EndpointsTest : public S3AnswersTest {
 protected:
  using Handler = std::function<Answer(const HttpScript::Request&)>;

  void start(Handler first, Handler second, microseconds return_after = 1h) {
    first_ = std::make_unique<HttpScript>(std::move(first));
    second_ = std::make_unique<HttpScript>(std::move(second));
    start_at(first_->endpoint(), return_after);
  }
  void start_at(const std::string& endpoint, microseconds return_after = 1h) {
    config_.endpoint = endpoint;
    config_.fallback_endpoints = {second_->endpoint()};
    config_.bucket = "b";
    config_.return_after = return_after;
    timeouts_.stall = 1s;
    target_ = make_s3_target(config_, credentials_, Clock::system(), timeouts_);
  }
  size_t current() const { return target_->endpoints().current; }
  // Works for so long, or until it is by this endpoint.
  bool run_until_at(size_t which, milliseconds limit = 10s) const {
    return eventually(limit, [&] {
      target_->run(1ms);
      return current() == which;
    });
  }

  std::unique_ptr<HttpScript> first_, second_;
};

Answer takes(const HttpScript::Request&) {
  return ok();
}

TEST_F(S3EndpointsTest, ALeftEndpointsUploadGoesByTheNextAtOnce) {
  second_ = std::make_unique<HttpScript>(takes);
  start_at("http://127.0.0.1:" + std::to_string(free_port()));
  EXPECT_EQ(code_of(small_), Code::camera_unavailable);
  EXPECT_EQ(current(), 0u);
  EXPECT_THAT(second_->methods(), IsEmpty());
  EXPECT_EQ(code_of(small_), Code::cancelled);
  EXPECT_EQ(current(), 1u);
  EXPECT_EQ(code_of(small_), Code::ok);
  EXPECT_THAT(second_->methods(), ElementsAre("PUT"));
  EXPECT_THAT(*target_->presign("k", 60s), StartsWith(second_->endpoint())) << "where the object is for certain";
}

TEST_F(S3EndpointsTest, OneWhoseCertificateNobodyVouchesForIsLeft) {
  const S3Server secure({.tls = true});
  second_ = std::make_unique<HttpScript>(takes);
  start_at(secure.endpoint());
  EXPECT_EQ(code_of(small_), Code::forbidden);
  EXPECT_EQ(code_of(small_), Code::cancelled);
  EXPECT_EQ(current(), 1u);
  EXPECT_EQ(code_of(small_), Code::ok);
  EXPECT_THAT(second_->methods(), ElementsAre("PUT"));
}

TEST_F(S3EndpointsTest, AnEndpointWithoutAStoreBehindItIsLeft) {
  for (const Answer& answer : {Answer{503, {}, ""}, Answer{500, {}, "<Error><Code>InternalError</Code></Error>"},
                               Answer{502, {}, "<html>Bad Gateway</html>"}, Answer{200, {}, "<html>It works!</html>"},
                               but(How::reset), but(How::no_answer)}) {
    start([&](const auto&) { return answer; }, takes);
    EXPECT_NE(code_of(small_), Code::ok);
    EXPECT_EQ(code_of(small_), Code::cancelled) << answer.status << answer.body;
    EXPECT_EQ(code_of(small_), Code::ok) << answer.status;
  }
}

TEST_F(S3EndpointsTest, WhatTheStoreSaysOfUsLeavesNoEndpoint) {
  for (const Answer& answer : {refusal(403, "AccessDenied"), refusal(404, "NoSuchBucket"), refusal(503, "SlowDown"),
                               refusal(507, "QuotaExceeded"), refusal(400, "AuthorizationHeaderMalformed")}) {
    start([&](const auto&) { return answer; }, takes);
    for (int i = 0; i < 3; ++i) EXPECT_NE(code_of(small_), Code::cancelled) << answer.body;
    EXPECT_EQ(current(), 0u);
    EXPECT_THAT(second_->methods(), IsEmpty());
  }
}

TEST_F(S3EndpointsTest, CredentialsThatCannotBeHadLeaveNoEndpoint) {
  struct Source : CredentialsSource {
    bool away = false;
    Result<S3Credentials> current() override {
      if (away) return fail(Code::busy, "not reached");
      return S3Credentials{"key", "secret", ""};
    }
    void refused(const S3Credentials&, const std::string&) override {}
  };
  const auto source = std::make_shared<Source>();
  credentials_ = source;
  start([](const auto&) { return but(How::no_answer); }, takes);
  ASSERT_EQ(code_of(small_), Code::camera_unavailable);
  source->away = true;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(code_of(small_), Code::busy);
  EXPECT_EQ(current(), 0u);
}

// As in a copy of the store at another site.
TEST_F(S3EndpointsTest, WhatWasBegunInPartsIsBegunAgainWhereItIsNotKnown) {
  const auto begun = [](const std::string& id) {
    return ok({}, "<InitiateMultipartUploadResult><UploadId>" + id + "</UploadId></InitiateMultipartUploadResult>");
  };
  int parts = 0;
  bool completed = false;
  const auto first = [&](const HttpScript::Request& request) -> Answer {
    if (request.method == "HEAD") return {404, {}, ""};
    if (request.method == "POST") return begun("u1");
    if (request.method == "PUT") return ++parts == 1 ? ok() : but(How::reset);
    return ok({}, "<ListPartsResult></ListPartsResult>");
  };
  const auto second = [&](const HttpScript::Request& request) -> Answer {
    if (request.method == "HEAD") return completed ? shows(large_) : Answer{404, {}, ""};
    if (request.has("uploadId=u1")) return refusal(404, "NoSuchUpload");
    if (request.method == "PUT") return ok();
    if (!request.has("uploadId=u2")) return begun("u2");
    completed = true;
    return ok({}, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
  };
  start(first, second);
  TransferRun& run = run_for(large_);
  run.most_in_flight = 1;
  const auto put = [&] {
    const auto proof = run.run(*target_, dir_.path() / large_.path);
    return proof ? Code::ok : proof.error().code;
  };
  EXPECT_EQ(put(), Code::camera_unavailable);
  EXPECT_EQ(run.upload_id(), "u1");
  EXPECT_EQ(put(), Code::cancelled);
  EXPECT_EQ(put(), Code::ok);
  EXPECT_EQ(run.begun(), 2);
  EXPECT_THAT(second_->methods(), ElementsAre("HEAD", "GET", "HEAD", "POST", "PUT", "PUT", "POST", "HEAD"));
}

TEST_F(S3EndpointsTest, ItGoesBackWhenTheFirstHasAnsweredForAWhile) {
  std::atomic<int> asked = 0;
  std::atomic<bool> away = true;
  const auto first = [&](const HttpScript::Request& request) -> Answer {
    asked += request.has("location") ? 1 : 0;
    return away ? Answer{503, {}, ""} : refusal(403, "AccessDenied");
  };
  start(first, takes, 400ms);
  code_of(small_);
  code_of(small_);
  ASSERT_EQ(current(), 1u);
  EXPECT_FALSE(run_until_at(0, 1500ms)) << "it answers 503";
  EXPECT_GE(asked, 3);
  away = false;
  const MonoTime there = Clock::system().mono();
  ASSERT_TRUE(run_until_at(0)) << "a refusal is an answer, too";
  EXPECT_GE(Clock::system().mono() - there, 400ms);
  const int before = asked;
  for (int i = 0; i < 50; ++i) target_->run(10ms);
  EXPECT_EQ(asked, before) << "nobody asks the one that is used";
}

TEST_F(S3EndpointsTest, ItStaysWhereItIsWhenItIsToldTo) {
  std::atomic<int> asked = 0;
  const auto first = [&](const HttpScript::Request& request) -> Answer {
    asked += request.has("location") ? 1 : 0;
    return {503, {}, ""};
  };
  start(first, takes, 0s);
  code_of(small_);
  code_of(small_);
  ASSERT_EQ(current(), 1u);
  EXPECT_FALSE(run_until_at(0, 700ms));
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace vedette
