#include "agent/second_profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/ports.h"

namespace vedette {
namespace {

using testing::HasSubstr;

// Cameras at a port where nobody is: what is opened goes on trying.
Config unreachable_cameras() {
  Config config;
  const std::string url = "rtsp://127.0.0.1:" + std::to_string(test::free_port()) + "/";
  for (const char* id : {"both", "narrow", "off", "plain"}) config.cameras[id].url = url + "main";
  for (const char* id : {"both", "narrow", "off"}) config.cameras[id].sub = Config::SubProfile{url + "sub", "tcp"};
  config.cameras["narrow"].max_sessions = 1;
  config.cameras["off"].enabled = false;
  return config;
}

class SecondProfilesTest : public testing::Test {
 protected:
  Code code_of(const std::string& camera_id) {
    const auto used = second.use(camera_id);
    return used ? Code::ok : used.error().code;
  }

  Config config = unreachable_cameras();
  test::FakeClock clock;
  SessionBudget budget{config};
  SecondProfiles second{config, budget, clock};
};

TEST_F(SecondProfilesTest, OneSessionServesAllAndEndsSomeTimeAfterTheLast) {
  const auto first = second.use("both");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ((*first)->id(), "both/sub");
  const auto again = second.use("both");
  ASSERT_TRUE(again);
  EXPECT_EQ(*first, *again);
  EXPECT_EQ(budget.take("both").error().code, Code::busy) << "its two sessions are in use";

  second.release("both");
  clock.advance(SecondProfiles::kLinger * 2);
  second.close_unused();
  second.close_unused();
  EXPECT_FALSE(budget.take("both")) << "the other one still uses it";

  second.release("both");
  second.close_unused();
  second.close_unused();
  EXPECT_FALSE(budget.take("both")) << "it lingers";
  clock.advance(SecondProfiles::kLinger);
  second.close_unused();
  second.close_unused();
  EXPECT_TRUE(budget.take("both")) << "it is closed";
  budget.give_back("both");
  EXPECT_TRUE(second.use("both")) << "and can be opened anew";
}

TEST_F(SecondProfilesTest, WhatIsClosingIsOpenedAnew) {
  ASSERT_TRUE(second.use("both"));
  second.release("both");
  clock.advance(SecondProfiles::kLinger);
  second.close_unused();
  ASSERT_TRUE(second.use("both"));
  second.close_unused();
  EXPECT_EQ(budget.take("both").error().code, Code::busy) << "it stays open";
  second.release("both");
}

TEST_F(SecondProfilesTest, SaysWhyThereIsNone) {
  EXPECT_EQ(code_of("plain"), Code::not_found);
  EXPECT_EQ(code_of("off"), Code::camera_unavailable);
  EXPECT_EQ(code_of("narrow"), Code::busy);
  EXPECT_THAT(second.use("narrow").error().message, HasSubstr("cameras.narrow.max_sessions"));
}

TEST_F(SecondProfilesTest, TheOtherOneIsMainWhereSubIsRecorded) {
  config.cameras["both"].record_profile = Config::Profile::sub;
  EXPECT_EQ((*second.use("both"))->id(), "both/main");
}

}  // namespace
}  // namespace vedette
