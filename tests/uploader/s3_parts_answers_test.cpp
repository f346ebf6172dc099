// What S3Parts and S3Orphans make of answers that real servers give too rarely to wait for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/uploader/s3_answers_fixture.h"

namespace vedette {
namespace {

using test::Answer;
using test::but;
using test::etag;
using test::FakeClock;
using test::How;
using test::HttpScript;
using test::ok;
using test::refusal;
using test::S3AnswersTest;
using test::shows;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two parts, of 5 MiB and 1 MiB.

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

// The answer to an earlier Complete was lost, and the store came to its end in that very instant.
TEST_F(S3PartsAnswersTest, FindsTheObjectThatWasMadeBetweenTheLookAndTheList) {
  auto begun = large_;
  begun.upload_id = "old";
  begun.part_size_bytes = 5 << 20;
  store([&](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method != "GET") return std::nullopt;
    completed_ = true;
    return refusal(404, "NoSuchUpload");
  });
  const auto proof = put(begun);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(run_->begun(), 0);
  EXPECT_EQ(count_of("PUT", ""), 0);
}

TEST_F(S3PartsAnswersTest, RemembersAStoreThatKnowsNoConditions) {
  store([](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.headers.contains("if-none-match")) return refusal(501, "NotImplemented");
    return std::nullopt;
  });
  const auto proof = put(large_);
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(count_of("POST", "uploadId"), 2);
  completed_ = false;
  EXPECT_TRUE(put(large_));
  EXPECT_EQ(count_of("POST", "uploadId"), 3) << "from then on without the condition";
}

TEST_F(S3PartsAnswersTest, AStoreThatKnowsNoPartsAtAllIsNotOneThatKnowsNoConditions) {
  store([](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.method == "POST" && request.has("uploadId")) return refusal(501, "NotImplemented");
    return std::nullopt;
  });
  EXPECT_EQ(code_of(large_), Code::unsupported);
  EXPECT_EQ(count_of("POST", "uploadId"), 2);
  EXPECT_EQ(code_of(large_), Code::unsupported);
  EXPECT_EQ(count_of("POST", "uploadId"), 4);
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

// The next part was being read then.
TEST_F(S3PartsAnswersTest, NothingMoreIsSentWhileItIsAborted) {
  store([](const HttpScript::Request& request) -> std::optional<Answer> {
    if (request.has("partNumber=1")) return but(How::no_continue, ok());
    if (request.method != "DELETE") return std::nullopt;
    Answer late{204};
    late.latency = 300ms;
    return late;
  });
  const Upload longer = test::make_upload(dir_.path(), test::some_content(20 << 20));
  auto& run = run_for(longer);
  run.most_in_flight = 10;
  run.begin(*target_, dir_.path() / longer.path);
  run.run_until(*target_, [&] { return run.begun() == 1; });
  run.keeps = fail(Code::not_found, "the row is gone");
  run.run_until(
      *target_, [] { return false; }, 10s);
  ASSERT_TRUE(run.result());
  EXPECT_FALSE(*run.result());
  const auto requests = server_->methods();
  const auto aborted = std::find(requests.begin(), requests.end(), "DELETE");
  ASSERT_NE(aborted, requests.end());
  EXPECT_EQ(std::count(aborted, requests.end(), "PUT"), 0);
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

TEST_F(S3SweepAnswersTest, EndsWhereTheMarkerIsIgnored) {
  serve([](size_t, const HttpScript::Request&) {
    return ok({},
              "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>edge-01/k</NextKeyMarker>"
              "</ListMultipartUploadsResult>");
  });
  EXPECT_EQ(sweep(Clock::system(), 2), 0);
  EXPECT_THAT(methods(), ElementsAre("GET", "GET"));
}

TEST_F(S3SweepAnswersTest, ReadsSoManyPagesAtMost) {
  serve([](size_t n, const HttpScript::Request&) {
    return ok({}, "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>edge-01/" +
                      std::to_string(n) + "</NextKeyMarker></ListMultipartUploadsResult>");
  });
  EXPECT_EQ(sweep(Clock::system(), 100), 0);
  EXPECT_EQ(methods().size(), 100u);
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
