#include "agent/long_commands.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/fake_clock.h"

namespace vedette {
namespace {

ReplyTo by(const std::string& id) {
  ReplyTo to;
  to.command_id = id;
  return to;
}

class LongCommandsTest : public testing::Test {
 protected:
  LongCommandsTest() { commands.begin("long"); }

  test::FakeClock clock;
  LongCommands commands{clock};
};

TEST_F(LongCommandsTest, WhatWasNotCancelledIsAnsweredAsItIs) {
  EXPECT_TRUE(commands.runs("long"));
  const auto [answer, replies] = commands.settle("long", messages::failed({Code::timed_out, "late"}));
  EXPECT_EQ(answer.status, "failed");
  EXPECT_TRUE(replies.empty());
  EXPECT_FALSE(commands.runs("long"));
  EXPECT_EQ(commands.settle("short", messages::succeeded({})).first.status, "succeeded");
}

TEST_F(LongCommandsTest, WhatWasCancelledIsCancelledWithWhatItHasAndThenTheyAreTold) {
  EXPECT_FALSE(commands.cancel("long", by("one")));
  EXPECT_FALSE(commands.cancel("long", by("two")));
  const auto [answer, replies] = commands.settle("long", messages::failed({Code::internal, "stop"}, {{"clips", 1}}));
  EXPECT_EQ(answer.status, "cancelled");
  EXPECT_EQ(answer.error.code, Code::cancelled);
  EXPECT_EQ(*answer.result, Json({{"clips", 1}}));
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(replies[1].to.command_id, "two");
  EXPECT_EQ(*replies[1].answer.result, Json({{"command_id", "long"}, {"status", "cancelled"}}));
}

TEST_F(LongCommandsTest, WhatCameToItsEndAllTheSameHasSucceeded) {
  EXPECT_FALSE(commands.cancel("long", by("one")));
  const auto [answer, replies] = commands.settle("long", messages::succeeded({}));
  EXPECT_EQ(answer.status, "succeeded");
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].answer.error.code, Code::conflict);
}

TEST_F(LongCommandsTest, NobodyWaitsLongerThanFiveSecondsAndNotMoreThanEight) {
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(commands.cancel("long", by(std::to_string(i))));
  EXPECT_EQ(commands.cancel("long", by("nine"))->result->at("status"), "in_progress");
  clock.advance(5s - 1us);
  EXPECT_TRUE(commands.impatient().empty());
  clock.advance(1us);
  const auto replies = commands.impatient();
  ASSERT_EQ(replies.size(), 8u);
  EXPECT_EQ(replies[0].answer.result->at("status"), "in_progress");
  EXPECT_TRUE(commands.impatient().empty());
  EXPECT_EQ(commands.settle("long", messages::failed({Code::internal, "stop"})).first.status, "cancelled");
}

}  // namespace
}  // namespace vedette
