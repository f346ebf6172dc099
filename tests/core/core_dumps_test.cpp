#include "core/core_dumps.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <cstdlib>

namespace vedette {
namespace {

// In a process of its own: it cannot be undone. Whether the agent calls it, and what then is left of a crash, is
// CoreDumpSlowTest's.
TEST(CoreDumpsTest, AProcessThatForbidsThemIsNotDumpableWhateverThePattern) {
  EXPECT_EXIT(
      {
        const int before = ::prctl(PR_GET_DUMPABLE);
        forbid_core_dumps();
        std::_Exit(before == 1 && ::prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace vedette
