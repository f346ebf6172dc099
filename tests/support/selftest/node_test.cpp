// The tests of tests/support/node: they find what is wrong, and only that.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {
namespace {

constexpr milliseconds kLimit{120000};

Finished node(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {"node", VEDETTE_SOURCE_DIR "/tests/support/node/" + script};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run(argv, kLimit);
}

class ValidateTest : public testing::Test {
 protected:
  // A dump of one message.
  Finished check(const std::string& topic, const std::string& payload, const std::string& direction = "out",
                 const std::string& schema = {}) {
    Json line = {{"topic", topic}, {"payload", payload}, {"direction", direction}};
    if (!schema.empty()) line["schema"] = schema;
    write_text(dir_.path() / "dump", to_text(line) + "\n");
    return node("validate.mjs", {VEDETTE_SOURCE_DIR "/schemas", "--messages", (dir_.path() / "dump").string()});
  }
  Finished check_example(const std::string& markdown) {
    write_text(dir_.path() / "x.md", markdown);
    return node("validate.mjs", {VEDETTE_SOURCE_DIR "/schemas", "--examples", (dir_.path() / "x.md").string()});
  }

  TempDir dir_;
  const std::string reply_ = R"({"v":1,"id":"019aa053-1c40-7b7e-8c0d-0f6f1a2b3c50","ts":"2026-11-20T08:30:29.123Z",)"
                             R"("command_id":null,"verb":null,"status":"rejected","code":"invalid_json",)"
                             R"("message":"bad")";
};

TEST_F(ValidateTest, PassesAMessageThatFits) {
  const Finished result = check("vedette/v1/a/reply/default", reply_ + "}", "out", "vedette/v1/reply");
  EXPECT_EQ(result.status, 0) << result.errors;
}

TEST_F(ValidateTest, FindsAnUndocumentedMember) {
  const Finished result = check("acme/vedette/v1/a/reply/default", reply_ + R"(,"extra":1})");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.errors.find("\"extra\""), std::string::npos) << result.errors;
}

TEST_F(ValidateTest, FindsAWrongSchemaProperty) {
  EXPECT_EQ(check("vedette/v1/a/reply/default", reply_ + "}", "out", "vedette/v1/status").status, 1);
}

TEST_F(ValidateTest, FindsAMessageWithoutASchema) {
  EXPECT_EQ(check("vedette/v1/a/event/no.such", "{}").status, 1);
  EXPECT_EQ(check("vedette/v1/a/nothing", "{}").status, 1);
  EXPECT_EQ(check("vedette/a/status", "{}").status, 1);
  EXPECT_EQ(check("vedette/v1/a/status", "no JSON").status, 1);
}

TEST_F(ValidateTest, IsNotContentWithNothingToCheck) {
  EXPECT_EQ(check("vedette/v1/a/command/agent.ping", "broken on purpose", "in").status, 1);
}

TEST_F(ValidateTest, ChecksTaggedExamplesOnly) {
  const std::string other = "```json\n{broken}\n```\n";
  const std::string good = "<!-- schema: reply -->\n```json\n" + reply_ + "}\n```\n";
  const std::string bad = "<!-- schema: reply -->\n```json\n{}\n```\n";
  EXPECT_EQ(check_example(other + good).status, 0);
  EXPECT_EQ(check_example(other + good + bad).status, 1);
  EXPECT_EQ(check_example(other).status, 1);
}

TEST(PlayTest, PlaysAGoodFileToItsEnd) {
  const Finished result = node("play.mjs", {generated_footage(Footage::h264_bframes_aac).string()});
  ASSERT_EQ(result.status, 0) << result.output << result.errors;
  const Json report = Json::parse(result.output);
  EXPECT_NEAR(report["duration"].get<double>(), 12.0, 0.2);
  EXPECT_EQ(report["videoWidth"], 1280);
  EXPECT_GT(report["decodedFrames"].get<int>(), 0);
}

TEST(PlayTest, FailsOnABrokenFile) {
  const TempDir dir;
  std::string content = read_text(generated_footage(Footage::h264_bframes_aac));
  const size_t middle = content.size() / 3;
  content.replace(middle, 200'000, std::string(200'000, '\x5a'));
  write_text(dir.path() / "broken.mp4", content);
  const Finished result = node("play.mjs", {(dir.path() / "broken.mp4").string()});
  EXPECT_EQ(result.status, 1) << result.output;
  EXPECT_FALSE(Json::parse(result.output)["error"].is_null());
}

}  // namespace
}  // namespace vedette::test
