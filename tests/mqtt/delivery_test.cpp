#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <set>

#include "core/ids.h"
#include "tests/mqtt/client.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

const auto kStatus = [](const ProbeMessage& m) { return m.topic == "vedette/status"; };
constexpr const char* kChildBroker = "VEDETTE_TEST_BROKER";
constexpr const char* kChildId = "VEDETTE_TEST_CLIENT_ID";

mqtt::Message status(const std::string& state) {
  mqtt::Message out;
  out.topic = "vedette/status";
  out.payload = state;
  out.retain = true;
  return out;
}

mqtt::SessionConfig with_will(const Mosquitto& broker, seconds delay) {
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.will_delay = delay;
  return config;
}

}  // namespace

TEST(WillTest, ComesAfterTheDelayWhenTheConnectionIsDropped) {
  const Mosquitto broker;
  const MqttProbe probe(broker);
  mqtt::Message will = status("lost");
  will.content_type = "application/json";
  Client client(with_will(broker, 2s), will);
  ASSERT_TRUE(client.wait_for_connections(1));
  const MonoTime dropped = Clock::system().mono();
  client.drop();
  const auto seen = probe.wait_for(kStatus, 20s);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->payload, "lost");
  EXPECT_EQ(seen->content_type, "application/json");
  EXPECT_GE(seen->arrived - dropped, 900ms) << "mosquitto counts the delay in whole seconds";
}

TEST(WillTest, BelongsToItsConnection) {
  Mosquitto broker;
  Client client(with_will(broker, 0s), status("first"));
  ASSERT_TRUE(client.wait_for_connections(1));
  client.set_will(status("second"));
  broker.stop();
  broker.start();
  ASSERT_TRUE(client.wait_for_connections(2));
  const MqttProbe probe(broker);
  client.drop();
  const auto seen = probe.wait_for([](const ProbeMessage& m) { return kStatus(m) && !m.payload.empty(); }, 20s);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->payload, "second");
}

TEST(WillTest, WorksWithMqtt311) {
  const Mosquitto broker;
  const MqttProbe probe(broker);
  mqtt::SessionConfig config = with_will(broker, 15s);  // 3.1.1 has no delay
  config.version = 4;
  Client client(config, status("lost"));
  ASSERT_TRUE(client.wait_for_connections(1));
  client.drop();
  EXPECT_TRUE(probe.wait_for(kStatus, 20s));
}

TEST(CloseTest, SendsWhatIsInFlightThenTheLastMessageAndNoWill) {
  const Mosquitto broker;
  const MqttProbe probe(broker);
  Client client(with_will(broker, 0s), status("lost"));
  ASSERT_TRUE(client.wait_for_connections(1));
  for (uint64_t i = 0; i < mqtt::Session::kWindow; ++i) {
    mqtt::Message message;
    message.topic = "vedette/event";
    message.payload = std::to_string(i);
    ASSERT_TRUE(client.session().publish(message, i));
  }
  client.session().close(status("offline"), 10s);
  EXPECT_EQ(client.acknowledged(), mqtt::Session::kWindow);
  const auto last = probe.wait_for(kStatus, 10s);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->payload, "offline");
  EXPECT_EQ(probe.count([](const ProbeMessage& m) { return m.topic == "vedette/event"; }), mqtt::Session::kWindow);
  // A will would have been sent before the broker took this.
  Client after(broker);
  EXPECT_TRUE(after.delivers("vedette/after", ""));
  ASSERT_TRUE(probe.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/after"; }, 10s));
  EXPECT_EQ(probe.count(kStatus), 1u);
  EXPECT_FALSE(client.session().publish(status("x"), 99)) << "closed";
}

TEST(CloseTest, SendsNoWillEvenWhileMessagesStreamIn) {
  const Mosquitto broker;
  const MqttProbe probe(broker);
  Client source(broker);
  ASSERT_TRUE(source.wait_for_connections(1));
  for (int round = 0; round < 5; ++round) {
    mqtt::SessionConfig config = with_will(broker, 0s);
    config.subscriptions = {{"vedette/stream", 0}};
    Client client(config, status("lost"));
    ASSERT_TRUE(client.wait_for_connections(1));
    std::jthread stream([&](const std::stop_token& stop) {
      mqtt::Message message;
      message.topic = "vedette/stream";
      message.qos = 0;
      message.payload.assign(2000, 'x');
      while (!stop.stop_requested()) static_cast<void>(source.session().publish(message, 1));
    });
    EXPECT_TRUE(client.wait_for_message("vedette/stream"));
    client.session().close(std::nullopt, 10s);
  }
  Client after(broker);
  EXPECT_TRUE(after.delivers("vedette/after", ""));
  ASSERT_TRUE(probe.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/after"; }, 20s));
  EXPECT_EQ(probe.count(kStatus), 0u);
}

TEST(CloseTest, EndsAtItsLimitAndLeavesTheWillToSpeak) {
  const Mosquitto broker;
  Client client(with_will(broker, 0s), status("lost"));
  ASSERT_TRUE(client.wait_for_connections(1));
  broker.pause();
  const auto began = std::chrono::steady_clock::now();
  client.session().close(status("offline"), 500ms);
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took, 450ms);
  EXPECT_LT(took, 3s);
  broker.resume();
  const MqttProbe probe(broker);
  EXPECT_TRUE(probe.wait_for([](const ProbeMessage& m) { return kStatus(m) && m.payload == "lost"; }, 20s));
}

TEST(DeliveryTest, ARefusedPublishGivesItsReason) {
  MosquittoOptions options;
  options.acl = "topic readwrite open/#\n";
  const Mosquitto broker(options);
  Client client(broker);
  EXPECT_EQ(client.publish("closed/x", "1"), 0x87);
  EXPECT_EQ(client.publish("open/x", "1"), 0x10) << "taken, though nobody listens";
}

TEST(DeliveryTest, AMessageLargerThanTheBrokerTakesIsRefusedAndNothingElseHappens) {
  MosquittoOptions options;
  options.more = "max_packet_size 2000";
  const Mosquitto broker(options);
  Client client(broker);
  EXPECT_EQ(client.publish("vedette/x", std::string(3000, 'x')), 0x95);
  EXPECT_TRUE(client.delivers("vedette/x", "small"));
  EXPECT_EQ(client.connections(), 1);
}

TEST(DeliveryTest, WhatItsOwnerKeepsArrivesThoughTheBrokerIsKilled) {
  constexpr uint64_t kMessages = 600;
  MosquittoOptions options;
  options.persistence = true;
  Mosquitto broker(options);
  std::set<std::string> arrived;
  std::mutex mutex;
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.subscriptions = {{"vedette/event", 1}};
  mqtt::SessionCallbacks receiving;
  receiving.on_message = [&](const mqtt::Message& message, bool) {
    const std::lock_guard lock(mutex);
    arrived.insert(message.payload);
  };
  const auto receiver = mqtt::Session::start(config, receiving);
  ASSERT_TRUE(receiver);
  ASSERT_TRUE(eventually(20s, [&] { return (*receiver)->connected(); }));

  // An outbox: what was not acknowledged is given again after each connection.
  std::set<uint64_t> kept;
  for (uint64_t i = 0; i < kMessages; ++i) kept.insert(kept.end(), i);
  std::set<uint64_t> in_flight;
  std::atomic<int> connections = 0;
  mqtt::SessionCallbacks sending;
  sending.on_connect = [&](bool) { ++connections; };
  sending.on_published = [&](uint64_t token, int reason) {
    const std::lock_guard lock(mutex);
    in_flight.erase(token);
    if (reason < 0x80) kept.erase(token);
  };
  sending.on_disconnect = [&](const std::string&) {
    const std::lock_guard lock(mutex);
    in_flight.clear();
  };
  const auto sender = mqtt::Session::start(quick_config({broker.url()}), sending);
  ASSERT_TRUE(sender);
  const auto drain = [&] {
    const std::lock_guard lock(mutex);
    for (const uint64_t token : kept) {
      if (in_flight.contains(token)) continue;
      mqtt::Message message;
      message.topic = "vedette/event";
      message.payload = std::to_string(token);
      if (!(*sender)->publish(message, token)) break;
      in_flight.insert(token);
    }
    return kept.empty();
  };
  ASSERT_TRUE(eventually(20s, [&] {
    drain();
    const std::lock_guard lock(mutex);
    return kept.size() < kMessages * 2 / 3;
  }));
  broker.kill9();
  broker.start();
  EXPECT_TRUE(eventually(60s, drain));
  EXPECT_GE(connections, 2);
  // PUBACK means that the broker has it; the last moments before the kill may be lost with the broker, whose storage is
  // not part of this test. All that was sent after it arrives.
  EXPECT_TRUE(eventually(20s, [&] {
    const std::lock_guard lock(mutex);
    return arrived.contains(std::to_string(kMessages - 1)) && arrived.size() > kMessages / 2;
  })) << arrived.size();
}

// The process that the next test kills, by itself, in the middle of its callback.
TEST(DeliveryTest, DISABLED_ChildThatDiesInItsCallback) {
  const char* url = std::getenv(kChildBroker);
  const char* id = std::getenv(kChildId);
  if (!url || !id) GTEST_SKIP() << "started by MessagesAreAcknowledgedOnlyAfterTheirCallback";
  mqtt::SessionConfig config = quick_config({url});
  config.client_id = id;
  config.subscriptions = {{"vedette/command", 1}};
  mqtt::SessionCallbacks callbacks;
  callbacks.on_message = [](const mqtt::Message&, bool) { raise(SIGKILL); };
  const auto session = mqtt::Session::start(config, callbacks);
  ASSERT_TRUE(session);
  EXPECT_TRUE(eventually(60s, [] { return false; })) << "no message came";
}

TEST(DeliveryTest, MessagesAreAcknowledgedOnlyAfterTheirCallback) {
  const Mosquitto broker;
  const std::string id = "committer-" + new_id();
  ProcessOptions options;
  options.env = {{kChildBroker, broker.url()}, {kChildId, id}};
  Process child({"/proc/self/exe", "--gtest_also_run_disabled_tests",
                 "--gtest_filter=DeliveryTest.DISABLED_ChildThatDiesInItsCallback"},
                options);
  ASSERT_TRUE(eventually(20s, [&] { return broker.log().find("Sending SUBACK to " + id) != std::string::npos; }));
  Client sender(broker);
  EXPECT_TRUE(sender.delivers("vedette/command", "once more"));
  EXPECT_EQ(child.wait(20s), 128 + SIGKILL);

  mqtt::SessionConfig config = quick_config({broker.url()});
  config.client_id = id;
  config.subscriptions = {{"vedette/command", 1}};
  Client successor(config);
  const auto again = successor.wait_for_message("vedette/command");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->message.payload, "once more");
  ASSERT_TRUE(successor.wait_for_connections(1));
  EXPECT_EQ(successor.resumed(), std::vector<bool>{true}) << "the session expiry was not sent";
}

TEST(DeliveryTest, ACleanStartForgetsTheSession) {
  const Mosquitto broker;
  mqtt::SessionConfig config = quick_config({broker.url()});
  Client(config).wait_for_connections(1);
  config.clean_start = true;
  Client again(config);
  ASSERT_TRUE(again.wait_for_connections(1));
  EXPECT_EQ(again.resumed(), std::vector<bool>{false});
}

}  // namespace vedette::test
