#include "ctl/arguments.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vedette::ctl {

namespace {

std::string params(const std::vector<std::string>& words) {
  const auto parsed = parse_params(words);
  return parsed ? to_text(*parsed) : "error: " + parsed.error().message;
}

}  // namespace

TEST(ArgumentsTest, TakesJsonForJsonAndAnythingElseForText) {
  EXPECT_EQ(params({}), "{}");
  EXPECT_EQ(params({"duration_ms=10000", "fresh=true", "until=null", "x=1.5"}),
            R"({"duration_ms":10000,"fresh":true,"until":null,"x":1.5})");
  EXPECT_EQ(params({"labels=[\"a\",\"b\"]", "auth={\"user\":\"u\"}"}), R"({"labels":["a","b"],"auth":{"user":"u"}})");
  EXPECT_EQ(params({"upload=never", "start=2026-11-20T08:31:29Z", "empty=", "text=a=b"}),
            R"({"upload":"never","start":"2026-11-20T08:31:29Z","empty":"","text":"a=b"})");
  EXPECT_EQ(params({"level=\"7\""}), R"({"level":"7"})");
}

TEST(ArgumentsTest, TakesIdsForTextAlsoWhenTheyAreNumbers) {
  EXPECT_EQ(params({"camera_id=1", "recording_id=true", "cursor=42", "clip_ids[]=7"}),
            R"({"camera_id":"1","recording_id":"true","cursor":"42","clip_ids":["7"]})");
}

TEST(ArgumentsTest, CollectsElementsOfLists) {
  EXPECT_EQ(params({"labels[]=door", "labels[]=2"}), R"({"labels":["door",2]})");
}

TEST(ArgumentsTest, InsistsOnJsonWhenAsked) {
  EXPECT_EQ(params({"note:=\"17\"", "list[]:={\"a\":1}"}), R"({"note":"17","list":[{"a":1}]})");
  EXPECT_EQ(params({"note:=seventeen"}).substr(0, 12), "error: note:");
}

TEST(ArgumentsTest, SaysWhatIsWrong) {
  EXPECT_EQ(params({"camera_id"}), "error: \"camera_id\" is not of the form name=value");
  EXPECT_EQ(params({"=front"}), "error: \"=front\" has no name");
  EXPECT_EQ(params({"a=1", "a=2"}), "error: a: is given twice");
  EXPECT_EQ(params({"a=[1]", "a[]=2"}), "error: a: is given twice");
  EXPECT_EQ(params({"a[]=1", "a=2"}), "error: a: is given twice");
  EXPECT_EQ(params({"a=\xff"}), "error: a: is not UTF-8");
}

}  // namespace vedette::ctl
