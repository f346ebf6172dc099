// packaging/completions/vedettectl.bash, asked as bash asks it.
#include <gtest/gtest.h>

#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

std::string completed(const std::string& line) {
  return run_or_throw(
      {"bash", "-c",
       "source \"$0\"; compopt() { :; }; COMP_LINE=$1; COMP_POINT=${#1}; _vedettectl; echo \"${COMPREPLY[*]}\"",
       VEDETTE_SOURCE_DIR "/packaging/completions/vedettectl.bash", line});
}

TEST(CompletionTest, KnowsVerbsParamsWordsAndOptions) {
  EXPECT_EQ(completed("vedettectl recording."), "recording.list recording.start recording.stop\n");
  EXPECT_EQ(completed("vedettectl --device edge-01 recording.stop "), "recording_id= camera_id=\n");
  EXPECT_EQ(completed("vedettectl snapshot.take camera_id=front deliver="), "upload inline both\n");
  EXPECT_EQ(completed("vedettectl snapshot.take fresh=t"), "true\n");
  EXPECT_EQ(completed("vedettectl clips g"), "get\n");
  EXPECT_EQ(completed("vedettectl --part"), "--partial\n");
  EXPECT_EQ(completed("vedettectl --ca-file " VEDETTE_SOURCE_DIR "/LICEN"), VEDETTE_SOURCE_DIR "/LICENSE\n");
  EXPECT_EQ(completed("vedettectl --device "), "\n") << "what only the user knows";
}

}  // namespace
}  // namespace vedette::test
