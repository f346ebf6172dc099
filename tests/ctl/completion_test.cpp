// packaging/completions, asked as the shells ask them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;
using testing::UnorderedElementsAreArray;

using Words = std::multiset<std::string>;

const std::string kFolder = VEDETTE_SOURCE_DIR "/packaging/completions";

Words words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

Words in_bash(const std::string& line) {
  return words(run_or_throw(
      {"bash", "-c",
       "source \"$0\"; compopt() { :; }; COMP_LINE=$1; COMP_POINT=${#1}; _vedettectl; echo \"${COMPREPLY[*]}\"",
       kFolder + "/vedettectl.bash", line}));
}

// An interactive zsh, on a terminal.
Words in_zsh(const std::string& line) {
  return words(run_or_throw({"zsh", "-f", VEDETTE_SOURCE_DIR "/tests/support/zsh_completion.zsh", kFolder, line}));
}

// Of --help, long and short.
Words options() {
  const std::string help = run_or_throw({VEDETTE_BINARY_DIR "/bin/vedettectl", "--help"});
  const std::string listed = help.substr(0, help.find("\nVerbs:"));
  Words out;
  const std::regex option("(^|\n) +(-[a-z],)?(--[a-z-]+)");
  for (std::sregex_iterator it(listed.begin(), listed.end(), option), end; it != end; ++it) {
    if ((*it)[2].matched) out.insert((*it)[2].str().substr(0, 2));
    out.insert((*it)[3]);
  }
  return out;
}

TEST(CompletionTest, BashKnowsVerbsParamsAndWords) {
  EXPECT_THAT(in_bash("vedettectl recording."),
              UnorderedElementsAre("recording.list", "recording.start", "recording.stop"));
  EXPECT_THAT(in_bash("vedettectl --device edge-01 recording.stop "),
              UnorderedElementsAre("recording_id=", "camera_id="));
  EXPECT_THAT(in_bash("vedettectl snapshot.take camera_id=front deliver="),
              UnorderedElementsAre("upload", "inline", "both"));
  EXPECT_THAT(in_bash("vedettectl snapshot.take fresh=t"), UnorderedElementsAre("true"));
  EXPECT_THAT(in_bash("vedettectl --device "), IsEmpty()) << "what only the user knows";
}

TEST(CompletionTest, ZshKnowsVerbsParamsAndWords) {
  EXPECT_THAT(in_zsh("vedettectl recording."),
              UnorderedElementsAre("recording.list", "recording.start", "recording.stop"));
  EXPECT_THAT(in_zsh("vedettectl --device edge-01 recording.stop "), UnorderedElementsAre("recording_id", "camera_id"));
  EXPECT_THAT(in_zsh("vedettectl snapshot.take camera_id=front deliver="),
              UnorderedElementsAre("upload", "inline", "both"));
  EXPECT_THAT(in_zsh("vedettectl snapshot.take fresh=t"), UnorderedElementsAre("true"));
  EXPECT_THAT(in_zsh("vedettectl --device "), IsEmpty()) << "what only the user knows";
}

TEST(CompletionTest, BothKnowWhatTheCommandLineDoesItself) {
  const std::string license = VEDETTE_SOURCE_DIR "/LICEN";
  for (const auto& [shell, whole] :
       {std::pair(&in_bash, std::string(VEDETTE_SOURCE_DIR "/LICENSE")), std::pair(&in_zsh, std::string("LICENSE"))}) {
    EXPECT_THAT(shell("vedettectl wat"), UnorderedElementsAre("watch"));
    EXPECT_THAT(shell("vedettectl conf"), UnorderedElementsAre("config", "config.report"));
    EXPECT_THAT(shell("vedettectl clips g"), UnorderedElementsAre("get"));
    EXPECT_THAT(shell("vedettectl config "), UnorderedElementsAre("get", "diff", "set"));
    EXPECT_THAT(shell("vedettectl config get "), IsEmpty());
    for (const char* line :
         {"vedettectl --part", "vedettectl clips get 1 --part", "vedettectl recording.stop camera_id=x --part"})
      EXPECT_THAT(shell(line), UnorderedElementsAre("--partial")) << line;
    EXPECT_THAT(shell("vedettectl recording.stop camera_id=x --device a rec"), Contains(StartsWith("recording_id")));
    for (const char* before : {"--ca-file ", "verify ", "config diff ", "config set ", "clips get 1 -o "})
      EXPECT_THAT(shell("vedettectl " + (before + license)), UnorderedElementsAre(whole)) << before;
  }
}

TEST(CompletionTest, BothKnowTheOptionsOfTheHelp) {
  const Words all = options();
  EXPECT_GT(all.size(), 20u);
  EXPECT_THAT(in_zsh("vedettectl -"), UnorderedElementsAreArray(all));
  Words longer;
  for (const std::string& option : all)
    if (option.starts_with("--")) longer.insert(option);
  EXPECT_THAT(in_bash("vedettectl --"), UnorderedElementsAreArray(longer));
}

}  // namespace
}  // namespace vedette::test
