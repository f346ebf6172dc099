#include "agent/retained_states.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/fake_clock.h"

namespace vedette::test {
namespace {

class RetainedStatesTest : public testing::Test {
 protected:
  uint64_t send(const std::string& topic, size_t hash) {
    const uint64_t token = states.next_token();
    states.sent(topic, hash);
    return token;
  }
  void send_and_take(const std::string& topic, size_t hash) {
    EXPECT_TRUE(states.on_published(send(topic, hash), true));
  }
  void reconnect(bool resumed) {
    states.on_disconnected();
    states.on_connected(resumed);
  }

  FakeClock clock;
  RetainedStates states{clock};
};

TEST_F(RetainedStatesTest, KnowsWhatWasAcknowledgedAndNothingElse) {
  states.on_connected(false);
  const uint64_t token = send("info", 1);
  EXPECT_FALSE(states.is_known("info", 1));
  EXPECT_TRUE(states.on_published(token, true));
  EXPECT_TRUE(states.is_known("info", 1));
  EXPECT_FALSE(states.is_known("info", 2));
  EXPECT_FALSE(states.is_known("other", 1));
  EXPECT_FALSE(states.on_published(7, true)) << "a row of the outbox";
  EXPECT_FALSE(states.on_published(uint64_t{1} << 63 | 7, true)) << "a reply";
}

TEST_F(RetainedStatesTest, WhatIsRefusedIsNotKnown) {
  states.on_connected(false);
  EXPECT_TRUE(states.on_published(send("info", 1), false));
  EXPECT_FALSE(states.is_known("info", 1));
}

TEST_F(RetainedStatesTest, WhatIsRefusedIsToldAgainLaterAndLater) {
  states.on_connected(false);
  send_and_take("camera", 1);
  states.on_published(send("info", 1), false);
  EXPECT_FALSE(states.doubt_when_due());
  clock.advance(RetainedStates::kFirstRetry);
  EXPECT_TRUE(states.doubt_when_due());
  EXPECT_FALSE(states.doubt_when_due()) << "once";
  EXPECT_TRUE(states.is_known("camera", 1)) << "what was taken is not doubted";
  for (int i = 0; i < 20; ++i) {
    states.on_published(send("info", 1), false);
    clock.advance(RetainedStates::kMostRetry);
    EXPECT_TRUE(states.doubt_when_due());
  }
  states.on_published(send("info", 1), false);
  clock.advance(RetainedStates::kFirstRetry);
  EXPECT_FALSE(states.doubt_when_due()) << "the pause has grown";
}

TEST_F(RetainedStatesTest, SurvivesALossOfTheConnectionOnlyWithTheSession) {
  states.on_connected(false);
  send_and_take("info", 1);
  reconnect(true);
  EXPECT_TRUE(states.is_known("info", 1));
  reconnect(false);
  EXPECT_FALSE(states.is_known("info", 1));
}

TEST_F(RetainedStatesTest, WhatWasUnderWayWhenTheConnectionWasLostMayBeThereOrNot) {
  states.on_connected(false);
  send_and_take("camera", 1);
  const uint64_t lost = send("camera", 2);
  reconnect(true);
  EXPECT_FALSE(states.is_known("camera", 1)) << "it may be the second";
  EXPECT_FALSE(states.is_known("camera", 2));
  EXPECT_TRUE(states.on_published(lost, true));
  EXPECT_FALSE(states.is_known("camera", 2)) << "the token is of a connection that is gone";
}

TEST_F(RetainedStatesTest, TheNewerOfTwoUnderWayCounts) {
  states.on_connected(false);
  const uint64_t first = send("camera", 1), second = send("camera", 2);
  states.on_published(first, true);
  EXPECT_FALSE(states.is_known("camera", 1));
  states.on_published(second, true);
  EXPECT_TRUE(states.is_known("camera", 2));
}

TEST_F(RetainedStatesTest, WhatIsOnlyKnownFromBeforeIsDoubtedOnceAfterAWhile) {
  states.on_connected(false);
  send_and_take("info", 1);
  send_and_take("camera", 1);
  clock.advance(24h);
  EXPECT_FALSE(states.doubt_when_due()) << "there was no loss";
  reconnect(true);
  send_and_take("camera", 2);
  clock.advance(RetainedStates::kLeastDoubt - 1s);
  EXPECT_FALSE(states.doubt_when_due());
  clock.advance(RetainedStates::kMostDoubt - RetainedStates::kLeastDoubt + 1s);
  EXPECT_TRUE(states.doubt_when_due());
  EXPECT_FALSE(states.is_known("info", 1));
  EXPECT_TRUE(states.is_known("camera", 2)) << "told on this connection";
  EXPECT_FALSE(states.doubt_when_due());
}

TEST_F(RetainedStatesTest, EachDrawsItsOwnTime) {
  states.on_connected(false);
  std::vector<seconds> times;
  for (int i = 0; i < 20; ++i) {
    send_and_take("info", 1);
    reconnect(true);
    seconds waited{0};
    while (!states.doubt_when_due() && waited < RetainedStates::kMostDoubt + 2s) {
      clock.advance(1s);
      ++waited;
    }
    times.push_back(waited);
  }
  const auto [least, most] = std::minmax_element(times.begin(), times.end());
  EXPECT_GE(*least, RetainedStates::kLeastDoubt);
  EXPECT_LE(*most, RetainedStates::kMostDoubt + 1s);
  EXPECT_GT(*most - *least, 100s);
}

}  // namespace
}  // namespace vedette::test
