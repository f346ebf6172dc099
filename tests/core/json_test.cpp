#include "core/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vedette {
namespace {

Code code_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto result = parse_json(text, limits);
  return result ? Code::ok : result.error().code;
}

std::string nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') + std::string(static_cast<size_t>(depth), ']');
}

TEST(ParseJsonTest, TakesAnyDocument) {
  const auto json = parse_json(R"( {"b":1,"a":[null,true,-2,1.5e3,"\u00e4\ud83d\ude00"]} )", {});
  ASSERT_TRUE(json);
  EXPECT_EQ(to_text(*json), "{\"b\":1,\"a\":[null,true,-2,1500.0,\"\u00e4\U0001f600\"]}");
}

TEST(ParseJsonTest, RefusesBadSyntax) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[1,]",
                           "{\"a\":1,}",
                           "{'a':1}",
                           "{a:1}",
                           "{\"a\" 1}",
                           "nul",
                           "01",
                           "+1",
                           ".5",
                           "1.",
                           "0x1",
                           "NaN",
                           "Infinity",
                           "\"\\x\"",
                           "\"a\nb\"",
                           "[1] 2",
                           "{\"a\":1}{",
                           "\"\\ud800\"",
                           "\"\\udc00\\ud800\""})
    EXPECT_EQ(code_of(text), Code::invalid_json) << text;
}

TEST(ParseJsonTest, RefusesDuplicateNamesAtAnyDepth) {
  EXPECT_EQ(code_of(R"({"a":1,"a":1})"), Code::invalid_json);
  EXPECT_EQ(code_of(R"([{"x":{"a":1,"b":2,"a":3}}])"), Code::invalid_json);
  EXPECT_EQ(code_of(R"({"a":1,"\u0061":2})"), Code::invalid_json);
  EXPECT_EQ(code_of(R"({"a":{"a":{"a":1}},"b":{"a":1}})"), Code::ok);
}

TEST(ParseJsonTest, RefusesNulPlainAndEscaped) {
  EXPECT_EQ(code_of(std::string_view("\"a\0b\"", 5)), Code::invalid_json);
  EXPECT_EQ(code_of("1\0"), Code::ok);
  EXPECT_EQ(code_of(std::string_view("1\0", 2)), Code::invalid_json);
  EXPECT_EQ(code_of(R"("a\u0000b")"), Code::invalid_json);
  EXPECT_EQ(code_of(R"({"a\u0000b":1})"), Code::invalid_json);
}

TEST(ParseJsonTest, RefusesWhatIsNotUtf8) {
  for (const char* text :
       {"\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "{\"\xff\":1}"})
    EXPECT_EQ(code_of(text), Code::invalid_json) << text;
}

TEST(ParseJsonTest, RefusesNumbersThatDoNotFit) {
  EXPECT_EQ(code_of("9223372036854775807"), Code::ok);
  EXPECT_EQ(code_of("18446744073709551615"), Code::ok);
  EXPECT_EQ(code_of("18446744073709551616"), Code::invalid_json);
  EXPECT_EQ(code_of("-9223372036854775809"), Code::invalid_json);
  EXPECT_EQ(code_of("1e400"), Code::invalid_json);
  EXPECT_EQ(code_of("1e300"), Code::ok);
}

TEST(ParseJsonTest, KeepsToItsLimits) {
  EXPECT_EQ(code_of(nested(16)), Code::ok);
  EXPECT_EQ(code_of(nested(17)), Code::invalid_json);
  EXPECT_EQ(code_of(nested(30'000)), Code::invalid_json);
  EXPECT_EQ(code_of("[1,2,3]", {.most_values = 4}), Code::ok);
  EXPECT_EQ(code_of("[1,2,3,4]", {.most_values = 4}), Code::invalid_json);
  EXPECT_EQ(code_of("[[],[],[],[]]", {.most_values = 4}), Code::invalid_json);
  EXPECT_EQ(code_of("[1]", {.most_bytes = 3}), Code::ok);
  EXPECT_EQ(code_of("[1] ", {.most_bytes = 3}), Code::payload_too_large);
}

TEST(ParseJsonTest, TakesCommentsOnlyWhereAllowed) {
  const char* text = "{ // one\n \"a\": /* two */ 1 }";
  EXPECT_EQ(code_of(text), Code::invalid_json);
  EXPECT_EQ(code_of(text, {.allow_comments = true}), Code::ok);
}

TEST(ToTextTest, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(to_text(Json("a\xff")), "\"a\xef\xbf\xbd\"");
}

TEST(SummaryTest, NamesTheFirstPlaceAndCountsTheRest) {
  EXPECT_EQ(summary({}), "");
  EXPECT_EQ(summary({{"/a", "is required"}}), "/a: is required");
  EXPECT_EQ(summary({{"", "must be an object"}, {"/b", "x"}, {"/c", "y"}}), "/: must be an object (and 2 more)");
}

}  // namespace
}  // namespace vedette
