#include "otlp/otlp_answer.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

using Verdict = OtlpAnswer::Verdict;

OtlpAnswer answer(int status, const std::string& body = "{}", std::map<std::string, std::string> headers = {}) {
  HttpResponse response;
  response.status = status;
  response.body = body;
  response.headers = std::move(headers);
  return read_otlp_answer(response);
}

TEST(OtlpAnswerTest, SuccessIsTakenWhateverTheBodyIs) {
  for (const char* body : {"{}", "", "no JSON", "[]", R"({"partialSuccess": null})", R"({"partialSuccess": {}})"}) {
    const OtlpAnswer got = answer(200, body);
    EXPECT_EQ(got.verdict, Verdict::taken) << body;
    EXPECT_EQ(got.rejected, 0) << body;
    EXPECT_EQ(got.message, "") << body;
  }
}

// Of a portal, or of another server than was meant.
TEST(OtlpAnswerTest, APageIsTakenAndWondersWhoAnswers) {
  const OtlpAnswer got = answer(200, "<!DOCTYPE html><html></html>");
  EXPECT_EQ(got.verdict, Verdict::taken);
  EXPECT_NE(got.message, "");
}

TEST(OtlpAnswerTest, PartialSuccessSaysHowManyWereRejected) {
  for (const char* count : {"3", "\"3\""})
    for (const char* name : {"rejectedSpans", "rejectedDataPoints"}) {
      const OtlpAnswer got = answer(
          200, std::string(R"({"partialSuccess": {")") + name + "\": " + count + R"(, "errorMessage": "too old"}})");
      EXPECT_EQ(got.verdict, Verdict::taken);
      EXPECT_EQ(got.rejected, 3) << name << count;
      EXPECT_EQ(got.message, "too old");
    }
  EXPECT_EQ(answer(200, R"({"partialSuccess": {"rejectedSpans": "-3"}})").rejected, 0);
  EXPECT_EQ(answer(200, R"({"partialSuccess": {"rejectedSpans": "3x", "errorMessage": 5}})").rejected, 0);
}

TEST(OtlpAnswerTest, OnlyTheseStatusesAreTriedAgain) {
  for (const int status : {429, 502, 503, 504}) EXPECT_EQ(answer(status).verdict, Verdict::later) << status;
  for (const int status : {301, 400, 401, 403, 404, 413, 500, 501})
    EXPECT_EQ(answer(status).verdict, Verdict::refused) << status;
  EXPECT_EQ(answer(400, R"({"message": "no span id"})").message, "HTTP 400: no span id");
}

TEST(OtlpAnswerTest, RetryAfterIsInSecondsAndHasABound) {
  const auto pause = [](const std::string& text) { return answer(503, "", {{"retry-after", text}}).retry_after; };
  EXPECT_EQ(pause("7"), 7s);
  EXPECT_EQ(pause("0"), 0s);
  EXPECT_EQ(pause("86400"), 600s);
  EXPECT_EQ(pause("-1"), std::nullopt);
  EXPECT_EQ(pause("Wed, 21 Oct 2026 07:28:00 GMT"), std::nullopt);
  EXPECT_EQ(answer(400, "", {{"retry-after", "7"}}).retry_after, std::nullopt);
}

TEST(OtlpAnswerTest, WhatDidNotGetThereIsTriedAgain) {
  for (const Code code : {Code::camera_unavailable, Code::timed_out, Code::forbidden, Code::cancelled})
    EXPECT_EQ(read_otlp_answer(fail(code, "why")).verdict, Verdict::later);
  EXPECT_EQ(read_otlp_answer(fail(Code::camera_unavailable, "why")).message, "why");
  EXPECT_EQ(read_otlp_answer(fail(Code::payload_too_large, "why")).verdict, Verdict::refused);
}

}  // namespace
}  // namespace vedette
