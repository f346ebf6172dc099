#include "mqtt/session.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/mqtt/client.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

mqtt::Message message(const std::string& topic, const std::string& payload = "x", int qos = 1) {
  mqtt::Message out;
  out.topic = topic;
  out.payload = payload;
  out.qos = qos;
  return out;
}

}  // namespace

TEST(SessionTest, RefusesAConfigurationThatCannotWork) {
  const auto code = [](const std::function<void(mqtt::SessionConfig&)>& change) {
    mqtt::SessionConfig config = quick_config({"mqtt://127.0.0.1:1"});
    change(config);
    const auto session = mqtt::Session::start(config, {});
    return session ? Code::ok : session.error().code;
  };
  EXPECT_EQ(code([](auto& c) { c.urls.clear(); }), Code::invalid_argument);
  EXPECT_EQ(code([](auto& c) { c.urls = {"tcp://h"}; }), Code::invalid_argument);
  EXPECT_EQ(code([](auto& c) { c.client_id.clear(); }), Code::invalid_argument);
  EXPECT_EQ(code([](auto& c) { c.version = 3; }), Code::invalid_argument);
  EXPECT_EQ(code([](auto& c) { c.keepalive = 1s; }), Code::invalid_argument);
  EXPECT_EQ(code([](auto& c) { c.cert_file = "/x"; }), Code::invalid_argument);
  EXPECT_EQ(code([](auto& c) { c.subscriptions = {{"a/#/b", 1}}; }), Code::invalid_argument);
  EXPECT_EQ(code([](auto&) {}), Code::ok);
}

TEST(SessionTest, CarriesEveryPropertyBothWays) {
  const Mosquitto broker;
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.subscriptions = {{"vedette/in/#", 1}};
  Client client(config);
  const MqttProbe probe(broker);
  ASSERT_TRUE(client.wait_for_connections(1));

  mqtt::Message out = message("vedette/in/everything", "{\"v\":1}");
  out.content_type = "application/json";
  out.utf8 = true;
  out.response_topic = "vedette/reply";
  out.correlation_data = std::string("a\0b\xff", 4);
  out.expiry_s = 300;
  out.user_properties = {{"schema", "event"}, {"traceparent", "00-1-2-01"}, {"schema", "again"}, {"empty", ""}};
  ASSERT_TRUE(client.session().publish(out, 1));
  EXPECT_EQ(client.wait_for_published(1), 0);

  const auto back = client.wait_for_message(out.topic);
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->retained);
  EXPECT_EQ(back->message.payload, out.payload);
  EXPECT_EQ(back->message.qos, 1);
  EXPECT_EQ(back->message.content_type, out.content_type);
  EXPECT_TRUE(back->message.utf8);
  EXPECT_EQ(back->message.response_topic, out.response_topic);
  EXPECT_EQ(back->message.correlation_data, out.correlation_data);
  ASSERT_TRUE(back->message.expiry_s);
  EXPECT_LE(*back->message.expiry_s, 300u);
  EXPECT_EQ(back->message.user_properties, out.user_properties);
  EXPECT_EQ(back->message.user_property("schema"), "event");
  EXPECT_EQ(back->message.user_property("none"), std::nullopt);

  const auto seen = probe.wait_for([&](const ProbeMessage& m) { return m.topic == out.topic; }, 10s);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->correlation, out.correlation_data);
  EXPECT_EQ(seen->property("traceparent"), "00-1-2-01");
}

TEST(SessionTest, TellsRetainedMessagesFromLiveOnes) {
  const Mosquitto broker;
  Client before(broker);
  EXPECT_TRUE(before.delivers("vedette/kept", "old", true));
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.subscriptions = {{"vedette/#", 1}};
  Client after(config);
  const auto kept = after.wait_for_message("vedette/kept");
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept->retained);
  EXPECT_TRUE(before.delivers("vedette/live", "new"));
  const auto live = after.wait_for_message("vedette/live");
  ASSERT_TRUE(live);
  EXPECT_FALSE(live->retained);
  EXPECT_TRUE(before.delivers("vedette/both", "new", true));
  const auto both = after.wait_for_message("vedette/both");
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->retained) << "it will come again at every start";
}

TEST(SessionTest, WorksWithMqtt311) {
  const Mosquitto broker;
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.version = 4;
  config.subscriptions = {{"vedette/#", 1}};
  Client client(config);
  ASSERT_TRUE(client.wait_for_connections(1));
  mqtt::Message out = message("vedette/plain", "payload");
  out.content_type = "application/json";  // left out
  ASSERT_TRUE(client.session().publish(out, 7));
  EXPECT_EQ(client.wait_for_published(7), 0);
  const auto back = client.wait_for_message(out.topic);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->message.payload, "payload");
  EXPECT_EQ(back->message.content_type, "");
}

TEST(SessionTest, PublishesQos0AndTellsWhenItIsWritten) {
  const Mosquitto broker;
  const MqttProbe probe(broker);
  Client client(broker);
  ASSERT_TRUE(client.wait_for_connections(1));
  ASSERT_TRUE(client.session().publish(message("vedette/telemetry", "1", 0), 5));
  EXPECT_EQ(client.wait_for_published(5), 0);
  EXPECT_TRUE(probe.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/telemetry"; }, 10s));
  EXPECT_FALSE(client.session().round_trip()) << "QoS 0 has no round trip";
}

TEST(SessionTest, MeasuresTheRoundTrip) {
  const Mosquitto broker;
  Client client(broker);
  EXPECT_FALSE(client.session().round_trip());
  EXPECT_TRUE(client.delivers("vedette/x", "1"));
  ASSERT_TRUE(client.session().round_trip());
  EXPECT_GT(*client.session().round_trip(), 0us);
  EXPECT_LT(*client.session().round_trip(), 10s);
}

TEST(SessionTest, RefusesMessagesThatWouldEndTheConnection) {
  const Mosquitto broker;
  Client client(broker);
  ASSERT_TRUE(client.wait_for_connections(1));
  for (const std::string& topic : {std::string(), std::string("a/#"), std::string("a\0b", 3), std::string("\xff\xfe")})
    EXPECT_EQ(client.session().publish(message(topic), 1).error().code, Code::invalid_argument);
  EXPECT_EQ(client.session().publish(message("a", "x", 2), 1).error().code, Code::invalid_argument);
  mqtt::Message bad_property = message("vedette/a");
  bad_property.user_properties = {{"name", "\xff"}};
  ASSERT_TRUE(client.session().publish(bad_property, 2));
  EXPECT_EQ(client.wait_for_published(2), 0x99);
  EXPECT_TRUE(client.delivers("vedette/b", "still there"));
  EXPECT_EQ(client.connections(), 1);
}

TEST(SessionTest, SaysBusyWhenTheWindowIsFullAndUnavailableWithoutConnection) {
  const Mosquitto broker;
  Client client(broker);
  ASSERT_TRUE(client.wait_for_connections(1));
  broker.pause();
  size_t taken = 0;
  Status status;
  while ((status = client.session().publish(message("vedette/x"), taken))) ++taken;
  EXPECT_EQ(taken, mqtt::Session::kWindow);
  EXPECT_EQ(status.error().code, Code::busy);
  broker.resume();
  EXPECT_TRUE(eventually(20s, [&] { return client.acknowledged() == taken; }));

  Client nowhere(quick_config({"mqtt://127.0.0.1:1"}));
  EXPECT_EQ(nowhere.session().publish(message("a"), 1).error().code, Code::camera_unavailable);
  EXPECT_FALSE(nowhere.session().connected());
}

TEST(SessionTest, GetsTwentyThousandMessagesThrough) {
  constexpr int kMessages = 20000;
  const Mosquitto broker;
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.subscriptions = {{"vedette/#", 1}};
  std::atomic<int> acknowledged = 0;
  std::atomic<int> received = 0;
  std::atomic<bool> connected = false;
  mqtt::SessionCallbacks callbacks;
  callbacks.on_connect = [&](bool) { connected = true; };
  callbacks.on_published = [&](uint64_t, int reason) { acknowledged += reason < 0x80; };
  callbacks.on_message = [&](const mqtt::Message&, bool) { ++received; };
  auto session = mqtt::Session::start(config, callbacks);
  ASSERT_TRUE(session);
  ASSERT_TRUE(eventually(20s, [&] { return connected.load(); }));
  const auto began = std::chrono::steady_clock::now();
  const std::string payload(256, 'x');
  for (int sent = 0; sent < kMessages;) {
    if ((*session)->publish(message("vedette/many", payload), static_cast<uint64_t>(sent)))
      ++sent;
    else
      std::this_thread::yield();
  }
  ASSERT_TRUE(eventually(60s, [&] { return acknowledged == kMessages && received == kMessages; }))
      << acknowledged << " acknowledged, " << received << " received";
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  RecordProperty("messages_per_second", static_cast<int>(kMessages / took.count()));
}

TEST(SessionTest, MessagesMayBePublishedFromAnyCallback) {
  const Mosquitto broker;
  const MqttProbe probe(broker);
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.subscriptions = {{"vedette/ping", 1}};
  mqtt::Session* session = nullptr;
  std::mutex mutex;  // start() must have returned before a callback uses the session
  std::unique_lock lock(mutex);
  const auto publish = [&](const std::string& topic, uint64_t token) {
    const std::lock_guard ready(mutex);
    EXPECT_TRUE(session->publish(message(topic), token));
  };
  mqtt::SessionCallbacks callbacks;
  callbacks.on_connect = [&](bool) { publish("vedette/ping", 1); };
  callbacks.on_message = [&](const mqtt::Message&, bool) { publish("vedette/pong", 2); };
  callbacks.on_published = [&](uint64_t token, int) {
    if (token == 2) publish("vedette/done", 3);
  };
  auto started = mqtt::Session::start(config, callbacks);
  ASSERT_TRUE(started);
  session = started->get();
  lock.unlock();
  EXPECT_TRUE(probe.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/done"; }, 20s));
}

}  // namespace vedette::test
