// The words of the code are those of the schemas, and the other way round.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/command.h"
#include "agent/severity.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette {
namespace {

namespace fs = std::filesystem;
using Words = std::set<std::string>;

const fs::path kSchemas = VEDETTE_SOURCE_DIR "/schemas";

Words enum_of(const std::string& definition) {
  const Json common = Json::parse(test::read_text(kSchemas / "common.schema.json"));
  return common.at("definitions").at(definition).at("enum").get<Words>();
}

Words names_in(const std::string& folder) {
  constexpr std::string_view kSuffix = ".schema.json";
  Words out;
  for (const auto& entry : fs::directory_iterator(kSchemas / folder)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(kSuffix)) out.insert(name.substr(0, name.size() - kSuffix.size()));
  }
  return out;
}

TEST(ContractTest, CodesAreThoseOfTheSchema) {
  Words codes;
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) codes.emplace(code_name(static_cast<Code>(i)));
  EXPECT_EQ(codes.size(), static_cast<size_t>(Code::internal) + 1) << "internal is the last, and no name is twice";
  EXPECT_EQ(codes, enum_of("code"));
}

TEST(ContractTest, EachVerbHasItsSchemasAndEachSchemaItsVerb) {
  Words names;
  for (const Verb& verb : verbs()) EXPECT_TRUE(names.emplace(verb.name).second) << verb.name << " is there twice";
  EXPECT_EQ(names, names_in("command"));
  EXPECT_EQ(names, names_in("reply"));
}

// A type that is misspelt in the table would be info without a word.
TEST(ContractTest, SeveritiesAreOfEventsAndWordsOfTheSchema) {
  const Words types = names_in("event");
  Words used = {"info"};
  for (const auto& [type, severity] : kSeverities) {
    EXPECT_TRUE(types.contains(std::string(type))) << type;
    used.emplace(severity);
  }
  EXPECT_EQ(used, enum_of("severity"));
}

}  // namespace
}  // namespace vedette
