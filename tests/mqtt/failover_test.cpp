// Several brokers, and several clients with one id.
#include <gtest/gtest.h>

#include "mqtt/rivals.h"
#include "tests/mqtt/client.h"
#include "tests/mqtt/odd_broker.h"
#include "tests/support/mqtt_probe.h"

namespace vedette::test {

namespace {

mqtt::Message lost() {
  mqtt::Message will;
  will.topic = "vedette/status";
  will.payload = "lost";
  will.retain = true;
  return will;
}

bool is_lost(const ProbeMessage& message) {
  return message.payload == "lost";
}

std::string address(uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

class FailoverTest : public testing::Test {
 protected:
  mqtt::SessionConfig config(std::vector<std::string> urls = {}) const {
    if (urls.empty()) urls = {first.url(), second.url()};
    mqtt::SessionConfig config = quick_config(std::move(urls));
    config.will_delay = 0s;
    config.return_after = 1s;
    return config;
  }

  Mosquitto first;
  Mosquitto second;
};

}  // namespace

TEST_F(FailoverTest, GoesToTheSecondBrokerAndBackWhenTheFirstIsThereAgain) {
  for (const int version : {5, 4}) {
    SCOPED_TRACE(version);
    mqtt::SessionConfig both = config();
    both.version = version;
    Client client(both, lost());
    ASSERT_TRUE(client.wait_for_connections(1));
    first.kill9();
    ASSERT_TRUE(client.wait_for_connections(2));
    const MqttProbe at_second(second);
    EXPECT_TRUE(client.delivers("vedette/x", "1"));
    EXPECT_TRUE(at_second.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/x"; }, 20s));
    first.start();
    ASSERT_TRUE(client.wait_for_connections(3));
    // Who looks at the second one learns that the device has gone.
    EXPECT_TRUE(at_second.wait_for(is_lost, 20s));
    const MqttProbe at_first(first);
    EXPECT_TRUE(client.delivers("vedette/y", "1"));
    EXPECT_TRUE(at_first.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/y"; }, 20s));
    EXPECT_EQ(at_first.count(is_lost), 0u);
  }
}

TEST_F(FailoverTest, AFirstBrokerThatDoesNotTakeUsIsTriedLessAndLess) {
  MosquittoOptions options;
  options.tls = true;
  const Mosquitto unfit(options);  // what it listens with is not what the URL says
  mqtt::SessionConfig both = config({"mqtt://" + address(unfit.port()), second.url()});
  Client client(both);
  ASSERT_TRUE(client.wait_for_connections(2));
  const MonoTime back = Clock::system().mono();
  ASSERT_TRUE(client.wait_for_connections(3, 30s));
  EXPECT_GE(Clock::system().mono() - back, 2s);  // was 1 s before the first return
}

TEST_F(FailoverTest, StaysAtTheSecondBrokerWhenItIsToldTo) {
  mqtt::SessionConfig both = config();
  both.return_after = 0s;
  first.stop();
  Client client(both);
  ASSERT_TRUE(client.wait_for_connections(1));
  first.start();
  EXPECT_FALSE(client.wait_for_losses(1, 2s));
}

TEST_F(FailoverTest, ABrokerThatFellSilentIsNotAskedFirst) {
  Client client(config());
  ASSERT_TRUE(client.wait_for_connections(1));
  first.pause();
  const MonoTime silent = Clock::system().mono();
  ASSERT_TRUE(client.wait_for_connections(2, 30s));
  // 1.5 keepalive intervals of 5 s; it accepts TCP and would have been waited for 15 s more.
  EXPECT_LT(Clock::system().mono() - silent, 15s);
  first.resume();
}

TEST_F(FailoverTest, ASessionOfAnotherBrokerIsNotTakenForTheOneWeHad) {
  mqtt::SessionConfig both = config();
  both.return_after = 0s;
  Client client(both);
  ASSERT_TRUE(client.wait_for_connections(1));
  first.stop();
  ASSERT_TRUE(client.wait_for_connections(2));
  first.start();
  second.stop();
  ASSERT_TRUE(client.wait_for_connections(3));
  first.stop();
  second.start();
  ASSERT_TRUE(client.wait_for_connections(4));
  EXPECT_EQ(client.resumed(), std::vector<bool>(4, false));
}

TEST_F(FailoverTest, FollowsAServerReferenceOnlyToAConfiguredBroker) {
  OddBroker passed_over(OddBroker::Manner::silent);
  {
    const OddBroker moved(OddBroker::Manner::moves, "other.example " + address(second.port()));
    Client client(config({moved.url(), passed_over.url(), second.url()}));
    EXPECT_TRUE(client.wait_for_connections(1));
    EXPECT_EQ(passed_over.accepted(), 0);
  }
  const OddBroker elsewhere(OddBroker::Manner::moves, address(passed_over.port()));
  Client client(config({elsewhere.url(), second.url()}));
  EXPECT_TRUE(client.wait_for_connections(1));
  EXPECT_TRUE(client.wait_for_failure("0x9d"));
  EXPECT_EQ(passed_over.accepted(), 0);
}

TEST(TakeOverTest, IsToldAndTheTwoDoNotHurry) {
  const Mosquitto broker;
  mqtt::SessionConfig config = quick_config({broker.url()});
  Client one(config);
  ASSERT_TRUE(one.wait_for_connections(1));
  Client two(config);
  // mosquitto says nothing about it.
  ASSERT_TRUE(one.wait_for_take_overs(2, 60s));
  ASSERT_TRUE(two.wait_for_take_overs(2, 60s));
  // Each time it is longer until one comes back: now at least half of 4 * 10 * 50 ms.
  const int before = one.connections();
  const MonoTime from = Clock::system().mono();
  ASSERT_TRUE(one.wait_for_connections(before + 2, 60s));
  EXPECT_GE(Clock::system().mono() - from, 1000ms);
}

TEST(TakeOverTest, IsSeenFromWhatTheBrokerDoesNotSay) {
  using mqtt::Cause;
  constexpr microseconds kPeace = 20min;
  const mqtt::Rivals::End closed{Cause::closed, true, true, 5s};
  mqtt::Rivals rivals(kPeace);
  EXPECT_FALSE(rivals.judge(closed));
  EXPECT_FALSE(rivals.judge(closed));
  EXPECT_TRUE(rivals.judge(closed));
  // From then on each is long, as the other one pauses too.
  EXPECT_TRUE(rivals.judge({Cause::closed, true, true, 10min}));
  EXPECT_FALSE(rivals.judge({Cause::network, false, false, 0s}));
  EXPECT_TRUE(rivals.judge({Cause::taken_over, true, true, 5s}));
  EXPECT_FALSE(rivals.judge({Cause::closed, true, true, kPeace}));
  EXPECT_FALSE(rivals.judge(closed));
}

TEST(TakeOverTest, ABrokerThatRestartsOrDropsUsIsNoRival) {
  using mqtt::Cause;
  mqtt::Rivals rivals(20min);
  const mqtt::Rivals::End closed{Cause::closed, true, true, 5s};
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(rivals.judge(closed));
    EXPECT_FALSE(rivals.judge({Cause::network, false, false, 0s})) << "was not reached in between";
    EXPECT_FALSE(rivals.judge({Cause::closed, true, false, 5s})) << "knew nothing of us";
    EXPECT_FALSE(rivals.judge({Cause::closed, true, true, 90s})) << "a good connection";
    EXPECT_FALSE(rivals.judge({Cause::silent, true, true, 5s}));
  }
}

TEST(TakeOverTest, AConnectionThatIsLostOtherwiseIsNone) {
  Mosquitto broker;
  Client client(broker);
  ASSERT_TRUE(client.wait_for_connections(1));
  broker.stop();
  ASSERT_TRUE(client.wait_for_losses(1));
  EXPECT_EQ(client.take_overs(), 0);
}

}  // namespace vedette::test
