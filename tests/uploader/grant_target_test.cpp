// Uploads by grants: what the transfers make of answers, and the whole of it against two implementations of S3.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/http_proxy.h"
#include "tests/support/http_script.h"
#include "tests/support/temp_dir.h"
#include "tests/uploader/grant_backend.h"
#include "tests/uploader/transfer_run.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/failure.h"
#include "uploader/grant_target.h"

namespace vedette {
namespace {

using test::FakeClock;
using test::FunctionBackend;
using test::HttpScript;
using test::make_upload;
using test::S3Server;
using test::some_content;
using test::StoreBackend;
using test::TempDir;
using test::TransferRun;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using About = GrantQuestion::About;
using Answer = HttpScript::Answer;
using How = HttpScript::Answer::How;

constexpr size_t kPart = 5 << 20;

Answer ok() {
  return {200, {{"ETag", "\"abc\""}}, ""};
}
Answer refusal(int status, const std::string& code) {
  return {status, {}, "<Error><Code>" + code + "</Code></Error>"};
}

// A scripted store, and a backend that grants everything there unless the test says otherwise.
class GrantAnswersTest : public ::testing::Test {
 protected:
  using Script = std::function<Answer(size_t n, const HttpScript::Request&)>;

  void serve(Script script) {
    server_ = std::make_unique<HttpScript>(
        [this, script = std::move(script)](const HttpScript::Request& request) { return script(count_++, request); });
    config_.origins = {server_->endpoint()};
    config_.part_size_bytes = kPart;
    target_ = make_grant_target(config_, backend_, clock_, timeouts_);
  }
  void answer(std::vector<Answer> answers) {
    serve([answers = std::move(answers)](size_t n, const HttpScript::Request&) {
      return n < answers.size() ? answers[n] : refusal(500, "NotExpected");
    });
  }
  // What the store shows in the end.
  static GrantAnswer seen(const Upload& upload, const std::string& etag = "abc") {
    GrantAnswer out;
    out.is_there = true;
    out.etag = etag;
    out.size_bytes = upload.size_bytes;
    return out;
  }
  Result<GrantAnswer> usual(const GrantQuestion& question) const {
    if (question.about == About::complete) return seen(question.upload);
    GrantAnswer out;
    out.granted = clock_.mono();
    out.life = 900s;
    if (question.part_size_bytes == 0)
      out.urls = {{0, server_->endpoint() + "/o?X-Amz-Signature=s3cr3t", {{"a", "b"}}}};
    else
      out.upload_id = "id";
    for (const GrantPart& part : question.parts)
      out.urls.push_back({part.number, server_->endpoint() + "/o?partNumber=" + std::to_string(part.number), {}});
    return out;
  }
  Result<UploadProof> put(const Upload& upload) { return run_for(upload).run(*target_, dir_.path() / upload.path); }
  TransferRun& run_for(const Upload& upload) { return run_ ? *run_ : run_.emplace(upload); }
  Error error_of(const Upload& upload) {
    const auto proof = put(upload);
    return proof ? Error{Code::ok, ""} : proof.error();
  }

  const TempDir dir_;
  const Upload small_ = make_upload(dir_.path(), some_content(200'000));
  const Upload large_ = make_upload(dir_.path(), some_content(3 * kPart - 7));
  FakeClock clock_;
  GrantConfig config_;
  S3Timeouts timeouts_;
  FunctionBackend::Answer says_ = [this](const GrantQuestion& question) { return usual(question); };
  FunctionBackend backend_{[this](const GrantQuestion& question) { return says_(question); }};
  std::atomic<size_t> count_ = 0;
  std::unique_ptr<HttpScript> server_;
  std::unique_ptr<Target> target_;
  std::optional<TransferRun> run_;
};

TEST_F(GrantAnswersTest, TheHeadersOfTheGrantAreSentAndTheLookIsTheProof) {
  answer({ok()});
  const auto proof = put(small_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(proof->etag, "abc");
  EXPECT_FALSE(proof->already_there);
  EXPECT_EQ(server_->requests().at(0).headers.at("a"), "b");
  EXPECT_EQ(server_->requests().at(0).headers.at("content-length"), "200000");
  EXPECT_THAT(backend_.words(), ElementsAre("grant", "complete"));
}

TEST_F(GrantAnswersTest, WhatIsThereAlreadyIsNotSent) {
  answer({});
  says_ = [](const GrantQuestion& question) { return seen(question.upload); };
  EXPECT_TRUE(put(small_)->already_there);
  run_.reset();
  EXPECT_TRUE(put(large_)->already_there);
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(GrantAnswersTest, AProofThatIsNoneIsNone) {
  for (const auto& change : std::vector<std::function<void(GrantAnswer&)>>{
           [](GrantAnswer& a) { a.size_bytes += 1; }, [](GrantAnswer& a) { a.etag = "other"; },
           [](GrantAnswer& a) { a.sha256 = std::string(64, '0'); }, [](GrantAnswer& a) { a.is_there = false; }}) {
    answer({ok(), ok()});
    count_ = 0;
    says_ = [&](const GrantQuestion& question) {
      auto out = usual(question);
      if (question.about == About::complete) change(*out);
      return out;
    };
    EXPECT_EQ(error_of(small_).code, Code::upload_failed);
  }
}

TEST_F(GrantAnswersTest, ARefusedUrlIsAskedForOnceMore) {
  answer({refusal(403, "AccessDenied"), ok()});
  EXPECT_TRUE(put(small_));
  EXPECT_THAT(backend_.words(), ElementsAre("grant", "grant", "complete"));
  answer({refusal(403, "AccessDenied"), refusal(400, "ExpiredToken")});
  count_ = 0;
  const Error error = error_of(small_);
  EXPECT_EQ(error.code, Code::forbidden);
  EXPECT_THAT(error.message, Not(HasSubstr("s3cr3t")));
}

TEST_F(GrantAnswersTest, ALostAnswerAndAnObjectThatIsThereAreLookedAt) {
  for (const Answer& lost : {Answer{.how = How::no_answer}, refusal(412, "PreconditionFailed")}) {
    answer({lost});
    count_ = 0;
    EXPECT_TRUE(put(small_));
  }
  says_ = [this](const GrantQuestion& question) {
    return question.about == About::grant ? usual(question) : fail(Code::not_found, "nothing");
  };
  answer({Answer{.how = How::no_answer}});
  count_ = 0;
  EXPECT_EQ(error_of(small_).code, Code::camera_unavailable) << "it did not arrive";
  answer({ok()});
  count_ = 0;
  EXPECT_EQ(error_of(small_).code, Code::upload_failed) << "and here the store has lost it";
}

TEST_F(GrantAnswersTest, ADenialIsWhatTheBackendSays) {
  answer({});
  says_ = [](const GrantQuestion&) { return fail(Code::no_space, "the backend says denied, no_space: quota"); };
  EXPECT_EQ(error_of(small_).message, "the backend says denied, no_space: quota");
  run_.reset();
  EXPECT_EQ(error_of(large_).code, Code::no_space);
}

TEST_F(GrantAnswersTest, NothingIsSentToWhereTheConfigurationDoesNotAllow) {
  answer({});
  config_.origins = {"https://s3.example"};
  target_ = make_grant_target(config_, backend_, clock_, timeouts_);
  const Error error = error_of(small_);
  EXPECT_THAT(error.message, HasSubstr("is not one of upload.grant_origins"));
  EXPECT_TRUE(is_about_the_target(error.code)) << "all others would be refused, too";
  run_.reset();
  EXPECT_THAT(error_of(large_).message, HasSubstr("is not one of upload.grant_origins"));
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(GrantAnswersTest, AChangedFileIsNotSent) {
  answer({});
  for (const Upload& upload : {small_, large_})
    test::write_text(dir_.path() / upload.path, some_content(static_cast<size_t>(upload.size_bytes), 9));
  EXPECT_THAT(error_of(small_).message, HasSubstr("another SHA-256"));
  EXPECT_TRUE(backend_.asked().empty());
  serve([](size_t, const HttpScript::Request&) { return ok(); });
  run_.reset();
  EXPECT_THAT(error_of(large_).message, HasSubstr("another SHA-256"));
  EXPECT_EQ(backend_.words().back(), "abort");
}

TEST_F(GrantAnswersTest, PartsAreAskedForTogetherAndCompletedWithTheirTags) {
  serve([](size_t, const HttpScript::Request& request) {
    return Answer{200, {{"ETag", "\"e" + request.target.substr(request.target.find('=') + 1) + "\""}}, ""};
  });
  const auto proof = put(large_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_THAT(backend_.words(), ElementsAre("grant 1 2 3", "complete 1 2 3"));
  const GrantQuestion& asked = backend_.asked()[0];
  EXPECT_EQ(asked.part_size_bytes, static_cast<int64_t>(kPart));
  EXPECT_TRUE(asked.upload_id.empty());
  EXPECT_EQ(asked.parts[2].size_bytes, static_cast<int64_t>(kPart) - 7);
  EXPECT_EQ(asked.parts[0].sha256, sha256_hex(some_content(3 * kPart - 7).substr(0, kPart)));
  EXPECT_EQ(backend_.asked()[1].parts[2].etag, "e3");
  EXPECT_EQ(backend_.asked()[1].upload_id, "id");
  EXPECT_EQ(run_->begun(), 1);
}

TEST_F(GrantAnswersTest, NoPartBeginsWithAUrlThatIsAboutToExpire) {
  serve([this](size_t, const HttpScript::Request&) {
    clock_.advance(7s);  // of 10, and a quarter of them counts no more
    return ok();
  });
  says_ = [this](const GrantQuestion& question) {
    auto out = usual(question);
    out->life = 10s;
    return out;
  };
  run_for(large_).most_in_flight = 1;
  const auto proof = put(large_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_THAT(backend_.words(), ElementsAre("grant 1 2 3", "grant 3", "complete 1 2 3"));
}

TEST_F(GrantAnswersTest, ARefusedUrlOfAPartIsAskedForOnceMore) {
  serve([](size_t n, const HttpScript::Request&) { return n == 1 ? refusal(403, "AccessDenied") : ok(); });
  run_for(large_).most_in_flight = 1;
  EXPECT_TRUE(put(large_));
  EXPECT_THAT(backend_.words(), ElementsAre("grant 1 2 3", "grant 2", "complete 1 2 3"));
  serve([](size_t, const HttpScript::Request&) { return refusal(403, "AccessDenied"); });
  run_.reset();
  EXPECT_EQ(error_of(large_).code, Code::forbidden);
}

TEST_F(GrantAnswersTest, WhatIsFinishedIsNotSentAgain) {
  serve([](size_t n, const HttpScript::Request&) { return n == 2 ? refusal(503, "SlowDown") : ok(); });
  run_for(large_).most_in_flight = 1;
  EXPECT_EQ(error_of(large_).code, Code::busy);
  EXPECT_THAT(run_->finished(), ElementsAre(1, 2));
  EXPECT_TRUE(put(large_));
  EXPECT_THAT(backend_.words(), ElementsAre("grant 1 2 3", "grant 3", "complete 1 2 3"));
  EXPECT_EQ(backend_.asked()[1].upload_id, "id");
}

TEST_F(GrantAnswersTest, LeavesAtTheNextPartAndGoesOnThere) {
  serve([](size_t, const HttpScript::Request&) { return ok(); });
  run_for(large_).before_part = [n = 0](int) mutable { return n++ == 0 ? NextPart::go : NextPart::leave; };
  EXPECT_EQ(error_of(large_).code, Code::cancelled);
  EXPECT_THAT(run_->finished(), ElementsAre(1));
  run_->before_part = {};
  EXPECT_TRUE(put(large_));
  EXPECT_THAT(run_->finished(), ::testing::UnorderedElementsAre(1, 2, 3));
}

TEST_F(GrantAnswersTest, BeginsAgainOnceWhenTheStoreHasForgotten) {
  serve([](size_t n, const HttpScript::Request&) { return n == 0 ? refusal(404, "NoSuchUpload") : ok(); });
  run_for(large_).most_in_flight = 1;
  EXPECT_TRUE(put(large_));
  EXPECT_EQ(run_->begun(), 2);
  says_ = [this](const GrantQuestion& question) {
    return question.about == About::grant ? usual(question) : fail(Code::not_found, "no such upload");
  };
  run_.reset();
  EXPECT_EQ(error_of(large_).code, Code::busy);
}

TEST_F(GrantAnswersTest, WhatCouldGoInOneRequestGoesInPartsOnASlowWay) {
  serve([](size_t, const HttpScript::Request&) { return ok(); });
  config_.part_size_bytes = 4 * kPart;
  target_ = make_grant_target(config_, backend_, clock_, timeouts_);
  run_for(large_).bits_per_s = 500'000;
  EXPECT_TRUE(put(large_));
  EXPECT_THAT(backend_.words(), ElementsAre("grant 1 2 3", "complete 1 2 3"));
}

TEST_F(GrantAnswersTest, CutsAnewWhatWasBegunWhenNoPartIsThere) {
  serve([](size_t, const HttpScript::Request&) { return ok(); });
  Upload begun = large_;
  begun.upload_id = "old";
  begun.part_size_bytes = 7 << 20;
  run_for(begun);
  EXPECT_TRUE(put(begun));
  ASSERT_THAT(backend_.words(), ElementsAre("abort", "grant 1 2 3", "complete 1 2 3"));
  EXPECT_EQ(backend_.asked()[0].upload_id, "old");
  EXPECT_EQ(backend_.asked()[1].upload_id, "");
}

// The bucket is gone, or the way leads elsewhere: no other object would get there.
TEST_F(GrantAnswersTest, WhatIsWrongWithTheStoreIsNoFailureOfTheObject) {
  const std::vector<std::pair<Answer, Code>> cases = {
      {refusal(404, "NoSuchBucket"), Code::not_found},
      {{404}, Code::not_found},
      {{302}, Code::camera_unavailable},
      {{200, {}, "<html>Please log in</html>"}, Code::camera_unavailable}};
  for (const auto& [given, code] : cases)
    for (const Upload* upload : {&small_, &large_}) {
      serve([answer = given](size_t, const HttpScript::Request&) { return answer; });
      run_.reset();
      EXPECT_EQ(error_of(*upload).code, code) << given.status << given.body;
    }
}

TEST_F(GrantAnswersTest, AGrantOfOtherPartsIsNotUsed) {
  answer({});
  for (const auto& change : std::vector<std::function<void(GrantAnswer&)>>{
           [](GrantAnswer& a) { a.upload_id.clear(); }, [](GrantAnswer& a) { a.urls.clear(); },
           [](GrantAnswer& a) { a.urls[0].number = 4; }, [](GrantAnswer& a) { a.life = 0us; }}) {
    says_ = [&](const GrantQuestion& question) {
      auto out = usual(question);
      change(*out);
      return out;
    };
    run_.reset();
    const Error error = error_of(large_);
    EXPECT_THAT(error.message, HasSubstr("the grant cannot be used"));
    EXPECT_TRUE(is_about_the_target(error.code)) << "a backend that answers so answers others so, too";
  }
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(GrantAnswersTest, ADeviceWithoutAKeySignsNothing) {
  answer({});
  const auto url = target_->presign("a", 60s);
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().code, Code::unsupported);
  EXPECT_THAT(url.error().message, HasSubstr("no key"));
}

// The parameter: whether it is Swift.
class GrantStoreTest : public ::testing::TestWithParam<bool> {
 protected:
  GrantStoreTest() : store_({.swift = GetParam()}), backend_(store_) { store_.create_bucket("clips"); }
  std::unique_ptr<Target> target() { return make_grant_target({{store_.endpoint()}, "", kPart}, backend_); }
  std::filesystem::path file(const Upload& upload) const { return dir_.path() / upload.path; }
  std::string hash_in_store(const Upload& upload) const {
    return sha256_hex(store_.request("GET", "/clips/" + upload.object_key).body);
  }

  const TempDir dir_;
  S3Server store_;
  StoreBackend backend_;
};

TEST_P(GrantStoreTest, ObjectsArriveWholeThroughExpiryAndAnEndInTheMiddle) {
  const Upload small = make_upload(dir_.path(), some_content(100'000, 1));
  TransferRun one(small);
  const auto proof = one.run(*target(), file(small));
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(hash_in_store(small), small.sha256);

  // URLs that are over, though the backend says that they are not.
  const Upload large = make_upload(dir_.path(), some_content(4 * kPart + 5, 2));
  TransferRun parts(large);
  backend_.works_for = seconds(-60);
  const auto expired = parts.run(*target(), file(large));
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().code, Code::forbidden) << expired.error().message;
  EXPECT_THAT(expired.error().message, Not(HasSubstr("Signature=")));
  EXPECT_EQ(backend_.begun, 1);

  // Cut off after two parts, as by a kill: it goes on there.
  backend_.works_for = 900s;
  parts.most_in_flight = 1;
  {
    const auto killed = target();
    parts.begin(*killed, file(large));
    parts.run_until(*killed, [&] { return parts.finished().size() >= 2; });
    parts.cut_off();
  }
  const auto done = parts.run(*target(), file(large));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(parts.finished(), ElementsAre(1, 2, 3, 4, 5)) << "none twice";
  EXPECT_EQ(backend_.begun, 1);
  EXPECT_EQ(hash_in_store(large), large.sha256);
}

TEST_P(GrantStoreTest, ObjectsGoThroughTheProxyThatIsConfigured) {
  const test::HttpProxy proxy;
  const GrantConfig config{{store_.endpoint()}, "", kPart, proxy.url()};
  const Upload upload = make_upload(dir_.path(), some_content(1000, 3));
  const auto proof = TransferRun(upload).run(*make_grant_target(config, backend_), file(upload));
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_THAT(proxy.log(), HasSubstr("/clips/" + upload.object_key));
}

INSTANTIATE_TEST_SUITE_P(Stores, GrantStoreTest, ::testing::Bool(),
                         [](const auto& one) { return one.param ? "Swift" : "Ceph"; });

}  // namespace
}  // namespace vedette
