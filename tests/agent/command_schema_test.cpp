#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/agent/command_fixture.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette {
namespace {

using test::Given;
using test::refusal_of;

// Commands, good and spoilt, are made from the schemas by corpus.mjs and judged by ajv.
TEST(CommandSchemaTest, DecoderAndSchemasAgreeOnEveryCommand) {
  const std::string tools = VEDETTE_SOURCE_DIR "/tests/support/node";
  if (!std::filesystem::exists(tools + "/node_modules/ajv")) GTEST_SKIP() << "scripts/setup installs ajv";
  const std::string lines = test::run_or_throw({"node", tools + "/corpus.mjs", VEDETTE_SOURCE_DIR "/schemas"});
  std::istringstream in(lines);
  int commands = 0, accepted = 0;
  for (std::string line; std::getline(in, line); ++commands) {
    const Json entry = Json::parse(line);
    Given given;
    given.verb = entry["verb"];
    given.json = entry["command"];
    const Decoded decoded = given.decode();
    const bool good = std::holds_alternative<Request>(decoded.content) ||
                      refusal_of(decoded).error.code == Code::expired;  // not the schema's business
    accepted += good ? 1 : 0;
    EXPECT_EQ(good, entry["valid"].get<bool>())
        << entry["verb"] << " " << entry["change"] << ": " << given.json << "\n"
        << "decoder: " << refusal_of(decoded).error.message << "\nschema: " << entry["errors"];
  }
  EXPECT_GT(commands, 500);
  EXPECT_GT(accepted, 100);
  EXPECT_GT(commands - accepted, 200);
}

}  // namespace
}  // namespace vedette
