#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace vedette {
namespace {

class JsonReaderTest : public testing::Test {
 protected:
  JsonReader reader(const char* text) {
    document_ = Json::parse(text);
    return JsonReader(document_, "/params", errors_);
  }
  std::string error() const { return summary(errors_); }

  Json document_;
  std::vector<FieldError> errors_;
};

TEST_F(JsonReaderTest, ReadsEachType) {
  auto r = reader(R"({"s":"x","n":"front","u":"0199aabb-ccdd-7eef-8011-223344556677","c":"high","i":5,"b":true,
                      "t":"2026-11-20T08:31:29Z","l":["a","b"],"o":{"k":1}})");
  EXPECT_EQ(r.string("s"), "x");
  EXPECT_EQ(r.name("n"), "front");
  EXPECT_TRUE(r.uuid("u"));
  EXPECT_EQ(r.choice("c", {"low", "high"}), "high");
  EXPECT_EQ(r.integer("i", 1, 10), 5);
  EXPECT_EQ(r.boolean("b"), true);
  EXPECT_EQ(r.time("t"), from_rfc3339("2026-11-20T08:31:29Z"));
  EXPECT_EQ(r.strings("l", 2, 1, 1), (std::vector<std::string>{"a", "b"}));
  auto inner = r.object("o");
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->path(), "/params/o");
  EXPECT_EQ(inner->integer("k", 0, 1), 1);
  inner->done();
  r.done();
  EXPECT_EQ(error(), "");
}

TEST_F(JsonReaderTest, GivesNothingAndNoErrorForWhatIsAbsent) {
  auto r = reader("{}");
  EXPECT_FALSE(r.string("s"));
  EXPECT_FALSE(r.integer("i", 0, 1));
  EXPECT_FALSE(r.object("o"));
  EXPECT_FALSE(r.any("a"));
  r.done();
  EXPECT_EQ(error(), "");
}

TEST_F(JsonReaderTest, GivesNothingAndAnErrorForEachWrongMember) {
  auto r = reader(R"({"s":1,"n":"A","u":"x","c":"x","i":"5","b":1,"t":"today","l":"a","o":[]})");
  EXPECT_FALSE(r.string("s"));
  EXPECT_FALSE(r.name("n"));
  EXPECT_FALSE(r.uuid("u"));
  EXPECT_FALSE(r.choice("c", {"low", "high"}));
  EXPECT_FALSE(r.integer("i", 1, 10));
  EXPECT_FALSE(r.boolean("b"));
  EXPECT_FALSE(r.time("t"));
  EXPECT_FALSE(r.strings("l", 2, 1, 1));
  r.object("o");
  ASSERT_EQ(errors_.size(), 9u);
  EXPECT_EQ(errors_.front().path, "/params/s");
  EXPECT_EQ(errors_.back().path, "/params/o");
}

TEST_F(JsonReaderTest, ChecksTheRangeOfAnInteger) {
  EXPECT_FALSE(reader(R"({"d":0})").integer("d", 1, 10));
  EXPECT_EQ(error(), "/params/d: 0 is less than 1");
  errors_.clear();
  EXPECT_FALSE(reader(R"({"d":11})").integer("d", 1, 10));
  EXPECT_EQ(error(), "/params/d: 11 is more than 10");
}

TEST_F(JsonReaderTest, TakesANumberWithAZeroFractionAsAnInteger) {
  EXPECT_EQ(reader(R"({"d":7.0})").integer("d", 1, 10), 7);
  EXPECT_FALSE(reader(R"({"d":7.5})").integer("d", 1, 10));
  EXPECT_FALSE(reader(R"({"d":1e300})").integer("d", 1, 10));
  EXPECT_FALSE(reader(R"({"d":18446744073709551615})").integer("d", 1, 10));
  EXPECT_EQ(errors_.size(), 3u);
}

TEST_F(JsonReaderTest, CountsCodePoints) {
  EXPECT_TRUE(reader("{\"s\":\"\u00e4\u00f6\"}").string("s", 2, 2));
  EXPECT_FALSE(reader("{\"s\":\"\u00e4\u00f6\"}").string("s", 3, 9));
  EXPECT_FALSE(reader("{\"s\":\"\"}").string("s", 1));
  EXPECT_EQ(errors_.back().message, "must not be empty");
}

TEST_F(JsonReaderTest, NamesTheItemOfAnArray) {
  EXPECT_TRUE(reader(R"({"l":["ok",5,"toolong"]})").strings("l", 3, 1, 3));
  ASSERT_EQ(errors_.size(), 2u);
  EXPECT_EQ(errors_[0].path, "/params/l/1");
  EXPECT_EQ(errors_[1].path, "/params/l/2");
}

TEST_F(JsonReaderTest, AsksForWhatIsRequired) {
  reader("{}").require("camera_id");
  EXPECT_EQ(error(), "/params/camera_id: is required");
}

TEST_F(JsonReaderTest, EscapesThePointer) {
  reader(R"({"a/b~c":1})").done();
  EXPECT_EQ(error(), "/params/a~1b~0c: is not known");
}

TEST_F(JsonReaderTest, ReportsWhatNobodyAskedFor) {
  auto r = reader(R"({"a":1,"b":2})");
  EXPECT_TRUE(r.any("a"));
  r.done();
  EXPECT_EQ(error(), "/params/b: is not known");
}

TEST_F(JsonReaderTest, CountsAllMembersAsAskedForWhenTheyAreListed) {
  auto r = reader(R"({"b":1,"a":2})");
  const auto members = r.members();
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].first, "b");
  r.done();
  EXPECT_EQ(error(), "");
}

TEST_F(JsonReaderTest, SaysOnceThatItIsNoObject) {
  auto r = reader("[1]");
  r.require("a");
  EXPECT_FALSE(r.string("a"));
  r.done();
  EXPECT_EQ(error(), "/params: must be an object");
}

}  // namespace
}  // namespace vedette
