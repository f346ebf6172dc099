#include "agent/grant_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/cloud_response.h"

namespace vedette {
namespace {

using About = GrantQuestion::About;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kId = "019aa053-1c2b-7d10-9a51-3f0b6f3c2a11";
constexpr const char* kUrl = "https://s3.example/clips/edge-01/a.mp4?X-Amz-Signature=5ec4e7";
constexpr MonoTime kAsked{1000s};

Result<CloudResponse> decoded(const std::string& payload, const std::string& correlation = kId) {
  mqtt::Message message;
  message.payload = payload;
  message.correlation_data = correlation;
  return decode_response(message, false, "upload.grant");
}

Json envelope(Json more) {
  Json json = {{"v", 1}, {"request_id", kId}, {"ts", "2026-11-20T08:30:00.000Z"}, {"status", "succeeded"}};
  json.update(more);
  return json;
}

GrantQuestion question_about(About about, bool in_parts) {
  GrantQuestion question;
  question.about = about;
  question.upload.kind = "clip";
  question.upload.subject_id = kId;
  question.upload.camera_id = "front";
  question.upload.object_key = "edge-01/front/a.mp4";
  question.upload.content_type = "video/mp4";
  question.upload.size_bytes = 12'000'000;
  question.upload.sha256 = std::string(64, 'a');
  question.upload.start = *from_rfc3339("2026-11-20T08:30:24.123Z");
  question.upload.end = question.upload.start + 10s;
  if (!in_parts) return question;
  question.part_size_bytes = 8'388'608;
  question.parts = {{2, 3'611'392, std::string(64, 'b'), "e2"}};
  return question;
}

Result<GrantAnswer> answer(const Json& result, About about = About::grant, bool in_parts = false) {
  const auto response = decoded(to_text(envelope({{"result", result}})));
  if (!response) return response.error_as_is();
  return grant_messages::read_answer(question_about(about, in_parts), *response, kAsked);
}

Json one() {
  return {{"method", "PUT"},
          {"url", kUrl},
          {"headers", {{"content-type", "video/mp4"}, {"x-amz-content-sha256", "aa"}}},
          {"expires_at", "2026-11-20T08:45:00Z"}};
}
Json parts() {
  return {{"upload_id", "2~abc"}, {"parts", {{{"number", 2}, {"url", kUrl}}}}, {"expires_at", "2026-11-20T08:45:00Z"}};
}
Json with(Json json, const std::string& pointer, const Json& value) {
  json[Json::json_pointer(pointer)] = value;
  return json;
}

TEST(CloudResponseTest, TakesAnAnswerInGoodOrder) {
  const auto response = decoded(to_text(envelope({{"result", {{"a", 1}}}, {"unknown", true}})));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->request_id, kId);
  EXPECT_EQ(response->verb, "upload.grant");
  EXPECT_EQ(to_rfc3339(response->at), "2026-11-20T08:30:00.000Z");
  EXPECT_EQ(response->result->at("a"), 1);
  EXPECT_TRUE(decoded(to_text(envelope({{"result", Json::object()}})), "")) << "MQTT 3.1.1 has no correlation data";
}

TEST(CloudResponseTest, RefusesWhatIsNone) {
  const std::string deep = std::string(9, '[') + std::string(9, ']');
  for (const std::string& payload :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), std::string("\xff"),
        R"({"v":1,"v":1})" + std::string(), R"({"a":)" + deep + "}", "{\"a\":\"" + std::string(70'000, 'x') + "\"}",
        to_text(envelope(Json::object())), to_text(envelope({{"result", 5}})),
        to_text(envelope({{"v", 2}, {"result", Json::object()}})),
        to_text(envelope({{"request_id", "x"}, {"result", Json::object()}})),
        to_text(envelope({{"request_id", nullptr}, {"result", Json::object()}})),
        to_text(envelope({{"ts", "yesterday"}, {"result", Json::object()}})),
        to_text(envelope({{"status", "granted"}, {"result", Json::object()}})),
        to_text(envelope({{"status", "denied"}}))})
    EXPECT_FALSE(decoded(payload)) << payload.substr(0, 80);
  EXPECT_FALSE(decoded(to_text(envelope({{"result", Json::object()}})), "another")) << "correlation data";
  mqtt::Message retained;
  retained.payload = to_text(envelope({{"result", Json::object()}}));
  EXPECT_EQ(decode_response(retained, true, "upload.grant").error().code, Code::retained_not_allowed);
}

TEST(CloudResponseTest, ARefusalHasOneOfOurCodesAndHarmlessWords) {
  const auto refusal = [](const std::string& status, const std::string& code, const std::string& message) {
    const auto response = decoded(to_text(envelope({{"status", status}, {"code", code}, {"message", message}})));
    return response && response->refusal ? *response->refusal : Error{Code::ok, "none"};
  };
  EXPECT_EQ(refusal("denied", "no_space", "quota").code, Code::no_space);
  EXPECT_EQ(refusal("denied", "no_space", "quota").message, "the backend says denied, no_space: quota");
  EXPECT_EQ(refusal("denied", "teapot", "").code, Code::forbidden);
  EXPECT_EQ(refusal("failed", "teapot", "").code, Code::busy);
  EXPECT_EQ(refusal("failed", "cancelled", "").code, Code::busy) << "that is not the backend's to say";
  const std::string words = refusal("denied", "forbidden", "a\nb\x1b[31m\xc3\xa4" + std::string(4000, 'x')).message;
  EXPECT_LT(words.size(), 300u);
  EXPECT_THAT(words, AllOf(Not(HasSubstr("\n")), Not(HasSubstr("\x1b")), Not(HasSubstr("\xc3"))));
}

TEST(GrantMessagesTest, ARequestSaysWhatTheBackendNeedsToSign) {
  const Json one_object = grant_messages::body_of(question_about(About::grant, false));
  EXPECT_EQ(
      one_object.dump(),
      R"({"params":{"kind":"clip","subject_id":"019aa053-1c2b-7d10-9a51-3f0b6f3c2a11","camera_id":"front",)"
      R"("object_key":"edge-01/front/a.mp4","size_bytes":12000000,"sha256":")" +
          std::string(64, 'a') +
          R"(","content_type":"video/mp4","start":"2026-11-20T08:30:24.123Z","end":"2026-11-20T08:30:34.123Z"}})");
  GrantQuestion in_parts = question_about(About::grant, true);
  in_parts.upload.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const Json first = grant_messages::body_of(in_parts);
  EXPECT_EQ(first.at("traceparent"), in_parts.upload.traceparent);
  EXPECT_EQ(first.at("params").at("part_size_bytes"), 8'388'608);
  EXPECT_FALSE(first.at("params").contains("upload_id"));
  EXPECT_EQ(first.at("params").at("parts"),
            Json::parse(R"([{"number":2,"size_bytes":3611392,"sha256":")" + std::string(64, 'b') + R"("}])"));
  in_parts.upload_id = "2~abc";
  EXPECT_EQ(grant_messages::body_of(in_parts).at("params").at("upload_id"), "2~abc");
  in_parts.about = About::complete;
  EXPECT_EQ(grant_messages::body_of(in_parts).at("params").at("parts"), Json::parse(R"([{"number":2,"etag":"e2"}])"));
  in_parts.about = About::abort;
  EXPECT_EQ(grant_messages::body_of(in_parts).at("params").at("abort"), true);
  EXPECT_EQ(grant_messages::verb_of(in_parts), "upload.complete");
}

TEST(GrantMessagesTest, WhatIsOfNoCameraNamesNone) {
  GrantQuestion bundle = question_about(About::grant, false);
  bundle.upload.kind = "diagnostics";
  bundle.upload.camera_id.clear();
  for (const About about : {About::grant, About::complete}) {
    bundle.about = about;
    const Json params = grant_messages::body_of(bundle).at("params");
    EXPECT_EQ(params.at("kind"), "diagnostics");
    EXPECT_FALSE(params.contains("camera_id")) << params;
  }
}

TEST(GrantMessagesTest, AGrantLivesByTheBackendsClockFromWhenItWasAskedFor) {
  const auto granted = answer(one());
  ASSERT_TRUE(granted) << granted.error().message;
  ASSERT_EQ(granted->urls.size(), 1u);
  EXPECT_EQ(granted->urls[0].url, kUrl);
  EXPECT_EQ(granted->urls[0].headers.size(), 2u);
  EXPECT_EQ(granted->granted, kAsked);
  EXPECT_EQ(granted->life, 900s);
  EXPECT_EQ(answer(with(one(), "/expires_at", "2036-11-20T08:45:00Z"))->life, std::chrono::hours(24 * 7));

  const auto of_parts = answer(parts(), About::grant, true);
  ASSERT_TRUE(of_parts) << of_parts.error().message;
  EXPECT_EQ(of_parts->upload_id, "2~abc");
  EXPECT_EQ(of_parts->urls.at(0).number, 2);

  const auto there = answer({{"already_there", true}, {"etag", "e"}, {"size_bytes", 5}});
  ASSERT_TRUE(there);
  EXPECT_TRUE(there->is_there);
  const auto seen = answer({{"etag", "e"}, {"size_bytes", 5}, {"sha256", std::string(64, 'a')}}, About::complete);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->sha256, std::string(64, 'a'));
  EXPECT_TRUE(answer(Json::object(), About::abort));
}

TEST(GrantMessagesTest, AnAnswerThatIsNotAsItShouldBeIsNotUsedAndNotShown) {
  const auto expect_unusable = [](const Json& result, About about, bool in_parts) {
    const auto got = answer(result, about, in_parts);
    ASSERT_FALSE(got) << result;
    EXPECT_EQ(got.error().code, Code::unsupported) << result;
    EXPECT_THAT(got.error().message, Not(HasSubstr("5ec4e7"))) << result;
  };
  for (const Json& result :
       {Json::object(), with(one(), "/url", 5), with(one(), "/url", ""), with(one(), "/url", std::string(5000, 'x')),
        with(one(), "/method", "POST"), with(one(), "/headers", Json::array()), with(one(), "/headers/a", 5),
        with(one(), "/expires_at", "2026-11-20T08:30:00Z"), with(one(), "/expires_at", "soon"), with(one(), "/more", 1),
        with(one(), "/already_there", true), with(one(), "/already_there", "yes"), parts(),
        Json{{"already_there", true}}})
    expect_unusable(result, About::grant, false);
  for (const Json& result :
       {one(), with(parts(), "/upload_id", ""), with(parts(), "/upload_id", "a b"), with(parts(), "/upload_id", "a\"b"),
        with(parts(), "/parts", 5), with(parts(), "/parts/0/number", 0), with(parts(), "/parts/0/number", 10001),
        with(parts(), "/parts/0/more", 1), with(parts(), "/parts/1", 7),
        with(parts(), "/parts", Json(std::vector<Json>(65, parts()["parts"][0])))})
    expect_unusable(result, About::grant, true);
  for (const Json& result : {Json::object(), Json{{"etag", "e"}}, Json{{"etag", ""}, {"size_bytes", 1}},
                             Json{{"etag", "a\nb"}, {"size_bytes", 1}}, Json{{"etag", "e"}, {"size_bytes", -1}},
                             Json{{"etag", "e"}, {"size_bytes", 1}, {"sha256", "x"}}})
    expect_unusable(result, About::complete, false);
}

// Else a row would be given up for it.
TEST(GrantMessagesTest, NotFoundIsOnlyTakenOfWhatWasBegun) {
  const auto code = [](About about, const std::string& upload_id) {
    GrantQuestion question = question_about(about, true);
    question.upload_id = upload_id;
    const auto response = decoded(to_text(envelope({{"status", "failed"}, {"code", "not_found"}})));
    return grant_messages::read_answer(question, *response, kAsked).error().code;
  };
  EXPECT_EQ(code(About::grant, ""), Code::busy);
  EXPECT_EQ(code(About::grant, "2~abc"), Code::not_found);
  EXPECT_EQ(code(About::complete, ""), Code::not_found);
}

}  // namespace
}  // namespace vedette
