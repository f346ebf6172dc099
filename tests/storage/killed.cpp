#include "tests/storage/killed.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "core/file.h"

namespace vedette::test {

namespace {

std::atomic<int> changes_left{0};  // of the process that is to be killed

void count_down(const char*) {
  if (changes_left.fetch_sub(1) == 1) raise(SIGKILL);
}

}  // namespace

bool killed_before(int change, const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    changes_left = change;
    file::set_change_hook(count_down);
    work();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "the process failed by itself";
  return WIFSIGNALED(status);
}

}  // namespace vedette::test
