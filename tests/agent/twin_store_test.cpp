#include "agent/twin_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {
namespace {

DesiredConfig desired(int64_t version, const char* level) {
  return {version, std::make_shared<const Json>(Json{{"log", {{"level", level}}}})};
}

int g_changes_left = 0;

class TwinStoreTest : public testing::Test {
 protected:
  TempDir dir;
  TwinStore store{dir.path()};
};

TEST_F(TwinStoreTest, WhatWasSavedIsThereAgainForItsOwnerAlone) {
  EXPECT_EQ(store.load().value().version, 0);
  EXPECT_FALSE(store.load().value().desired);
  ASSERT_TRUE(
      store.save({5, desired(5, "debug"), desired(4, "warn"), true, "because", {{"/config/log", "is no good"}}}));
  const TwinState state = store.load().value();
  EXPECT_EQ(state.version, 5);
  EXPECT_EQ(state.desired->version, 5);
  EXPECT_EQ(*state.desired->config, *desired(5, "debug").config);
  EXPECT_EQ(state.previous->version, 4);
  EXPECT_TRUE(state.on_trial);
  EXPECT_EQ(state.rolled_back, "because");
  ASSERT_EQ(state.refused.size(), 1u);
  EXPECT_EQ(state.refused[0].path + ": " + state.refused[0].message, "/config/log: is no good");
  struct stat found {};
  ASSERT_EQ(stat((dir.path() / "twin.json").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

// Whoever sent it chooses how long the paths of a refusal are: they do not make the store unreadable.
TEST_F(TwinStoreTest, HoldsAsMuchOfARefusalAsItCanReadAgain) {
  const std::string text(100'000, '\x01');
  ASSERT_TRUE(store.save({5, desired(5, "debug"), {}, false, {}, std::vector<FieldError>(100, {text, "ä" + text})}));
  const auto state = store.load();
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->version, 5);
  EXPECT_EQ(state->refused.size(), kMostRefusalErrors);
}

TEST_F(TwinStoreTest, WhatIsDamagedIsAnError) {
  for (const char* text : {"", "{", "[]", R"({"version": -1})", R"({"version": 1, "desired": {"version": 1}})",
                           R"({"version": 1, "refused": [7]})"}) {
    write_text(dir.path() / "twin.json", text);
    EXPECT_FALSE(store.load()) << text;
  }
}

TEST_F(TwinStoreTest, AKillAtAnyMomentLeavesTheOldOrTheNewState) {
  ASSERT_TRUE(store.save({1, desired(1, "debug"), {}, false, {}, {}}));
  bool killed = true;
  int seen_old = 0;
  for (int change = 1; killed; ++change) {
    ASSERT_TRUE(store.save({1, desired(1, "debug"), {}, false, {}, {}}));
    const pid_t child = fork();
    if (child == 0) {
      g_changes_left = change;
      file::set_change_hook([](const char*) {
        if (--g_changes_left == 0) kill(getpid(), SIGKILL);
      });
      (void)store.save({2, desired(2, "warn"), desired(1, "debug"), true, {}, {}});
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    killed = WIFSIGNALED(status);
    const auto state = store.load();
    ASSERT_TRUE(state) << state.error().message;
    ASSERT_TRUE(state->version == 1 || state->version == 2);
    EXPECT_EQ(state->desired->version, state->version);
    EXPECT_EQ(state->on_trial, state->version == 2);
    seen_old += state->version == 1 ? 1 : 0;
    if (!killed) {
      EXPECT_EQ(state->version, 2);
    }
  }
  EXPECT_GT(seen_old, 0);
}

}  // namespace
}  // namespace vedette::test
