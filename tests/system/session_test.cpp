// The agent's session with its brokers, as it is configured.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "tests/support/tcp_proxy.h"
#include "tests/support/tls_server.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr milliseconds kLimit{30000};

TEST(SessionTest, AlpnOfTheConfigurationGoesOverTheWire) {
  const TempDir dir;
  const Certificates certificates(dir.path());
  TlsServer broker(certificates, {"-alpn", "http/1.1,x-amzn-mqtt-ca"});
  Json config = {{"device_id", "edge-01"},
                 {"mqtt", {{"url", broker.url()}, {"ca_file", certificates.ca}, {"alpn", "x-amzn-mqtt-ca"}}},
                 {"storage", {{"path", (dir.path() / "storage").string()}, {"min_free_bytes", 0}}}};
  VedetteProcess agent(config.dump());
  agent.start();
  EXPECT_TRUE(broker.says("ALPN protocols selected: x-amzn-mqtt-ca")) << broker.output();
  agent.sigterm();

  // A server that knows no such protocol ends the handshake, and the log says that.
  config["mqtt"]["alpn"] = "mqtt";
  agent.write_config(config.dump());
  agent.start();
  EXPECT_TRUE(agent.wait_for_log("no application protocol", kLimit)) << agent.log();
}

TEST(SessionTest, TwoAgentsWithOneIdAreToldOf) {
  Rig rig;
  rig.start();
  Json copy = rig.config();
  copy["storage"]["path"] = (rig.scratch() / "copy").string();
  VedetteProcess other(copy.dump());
  other.start();
  // Both find out, and say so in the retained status.
  const auto names_it = [](const ProbeMessage& m) {
    if (!m.topic.ends_with("/status")) return false;
    const Json problems = m.json().value("problems", Json::array());  // the will has none
    return std::any_of(problems.begin(), problems.end(),
                       [](const Json& problem) { return problem["code"] == "device_id_in_use"; });
  };
  const auto status = rig.probe.wait_for(names_it, kLimit);
  ASSERT_TRUE(status) << rig.broker.log();
  EXPECT_EQ(status->json()["state"], "degraded");
  EXPECT_NE(status->payload.find("give each device a device_id of its own"), std::string::npos) << status->payload;
  const Json event = rig.event("agent.id_in_use", "type", "agent.id_in_use");
  EXPECT_EQ(event["data"]["announced"], false) << "mosquitto says nothing";
  EXPECT_EQ(event["data"]["times"], 1);
  const std::string line = "another client connects with the client id of this device";
  EXPECT_TRUE(rig.vedette->wait_for_log(line, kLimit));
  EXPECT_TRUE(other.wait_for_log(line, kLimit));
  rig.expect_messages_follow_schemas();
}

// Brokers and bridges that know nothing newer: what MQTT 5 has beside the payload must not be needed.
TEST(SessionTest, TheMainJobIsDoneOverMqtt311) {
  Rig rig;
  rig.config()["mqtt"]["version"] = 4;
  rig.config()["upload"] = {{"target", "none"}};
  rig.add_camera("front", "test://pattern?size=160x120&fps=10&gop=10");
  rig.start();
  EXPECT_NE(rig.broker.log().find("as edge-01 (p2,"), std::string::npos) << rig.broker.log();
  const auto answer = [&](const std::string& verb, const Json& params) {
    const std::string id = new_id();
    ProbeMessage command;
    command.topic = "vedette/v1/edge-01/command/" + verb;
    command.payload = to_text({{"v", 1}, {"id", id}, {"reply_to", "web"}, {"params", params}});
    EXPECT_TRUE(rig.probe.publish(command));
    const auto is_it = [&](const ProbeMessage& m) {
      return m.topic == "vedette/v1/edge-01/reply/web" && m.json().at("command_id") == id;
    };
    const auto reply = rig.probe.wait_for(is_it, kLimit);
    EXPECT_TRUE(reply) << verb;
    if (!reply) return Json::object();
    EXPECT_TRUE(reply->correlation.empty() && reply->content_type.empty() && reply->user_properties.empty());
    EXPECT_EQ(reply->json().value("status", ""), "succeeded") << reply->payload;
    return reply->json().value("result", Json::object());
  };
  const std::string recording = answer("recording.start", {{"camera_id", "front"}}).value("recording_id", "");
  rig.event("recording.started", "recording_id", recording);
  EXPECT_EQ(answer("recording.stop", {{"camera_id", "front"}}).value("recording_id", ""), recording);
  EXPECT_GT(rig.wait_clip_ready(recording).at("size_bytes"), 1000);

  const size_t from = rig.probe.mark();
  const std::string connection = rig.newest_status().at("connection_id");
  rig.vedette->kill9();
  const auto will = rig.probe.wait_for(
      [](const ProbeMessage& m) { return m.topic.ends_with("/status") && m.json().value("state", "") == "lost"; },
      kLimit, from);
  ASSERT_TRUE(will);
  EXPECT_EQ(will->json().at("connection_id"), connection);
  const MqttProbe late(rig.broker);
  EXPECT_TRUE(late.wait_for_state("/status", "lost", kLimit)) << "it is retained";
  // It comes back to the session that it had.
  rig.start();
  EXPECT_EQ(rig.result("agent.ping", Json::object()).empty(), false);
  rig.expect_messages_follow_schemas();
}

// Such a device looks online and hears nothing.
TEST(SessionTest, ASubscriptionThatIsRefusedIsAProblemUntilItIsGranted) {
  RigOptions options;
  options.broker.refused_filter = "vedette/v1/edge-01/command/+";
  Rig rig(options);
  rig.start();
  const auto status = rig.probe.wait_for(
      [](const ProbeMessage& m) { return m.topic.ends_with("/status") && m.json().value("state", "") == "degraded"; },
      kLimit);
  ASSERT_TRUE(status) << rig.vedette->log();
  ASSERT_EQ(status->json().at("problems").size(), 1u) << status->payload;
  const Json problem = status->json().at("problems").at(0);
  EXPECT_EQ(problem.at("code"), "forbidden");
  for (const char* part : {"vedette/v1/edge-01/command/+ (not_authorized)", "ACL"})
    EXPECT_NE(problem.value("message", "").find(part), std::string::npos) << problem;
  rig.broker.stop();
  rig.broker.set_refused_filter("");
  const size_t from = rig.probe.mark();
  rig.broker.start();
  ASSERT_TRUE(rig.probe.wait_for_state("/status", "online", kLimit, from)) << rig.vedette->log();
  rig.result("agent.ping", Json::object());
  rig.expect_messages_follow_schemas();
}

size_t lines(const VedetteProcess& agent, const std::string& text) {
  const std::string log = agent.log();
  size_t count = 0;
  for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
  return count;
}

// Publications on a topic of the device since the mark.
size_t told(const Rig& rig, const std::string& subtopic, size_t from) {
  return rig.probe.count([&](const ProbeMessage& m) { return m.topic.ends_with("/" + subtopic); }, from);
}

TEST(SessionTest, WhatIsRetainedOfACameraThatWentFromTheFileIsTakenBack) {
  Rig rig;
  for (const char* id : {"front", "back"}) rig.add_camera(id, "test://pattern?size=160x120&fps=10&gop=10");
  rig.start();
  const std::string topic = "vedette/v1/edge-01/camera/back/state";
  const auto is_of_it = [&](const ProbeMessage& m) { return m.topic == topic; };
  ASSERT_TRUE(rig.probe.wait_for(is_of_it, kLimit));
  for (int run = 0; run < 2; ++run) {
    run == 0 ? rig.vedette->kill9() : static_cast<void>(rig.vedette->sigterm());
    rig.config()["cameras"].erase("back");
    const size_t from = rig.probe.mark();
    rig.start();
    rig.result("agent.ping", Json::object());  // goes out behind the states
    EXPECT_EQ(told(rig, "camera/back/state", from), run == 0 ? 1u : 0u) << "once";
    if (run > 0) continue;
    const auto cleared = rig.probe.wait_for(is_of_it, kLimit, from);
    ASSERT_TRUE(cleared);
    EXPECT_EQ(cleared->payload, "");
  }
  MqttProbe later({rig.broker.port(), topic});
  rig.result("agent.ping", Json::object());
  EXPECT_EQ(later.count([](const ProbeMessage&) { return true; }), 0u) << "nothing is retained";
}

TEST(SessionTest, AResumedSessionIsToldOnlyWhatHasChanged) {
  Rig rig;
  TcpProxy way("http" + rig.broker.url().substr(4));
  rig.config()["mqtt"]["url"] = "mqtt" + way.endpoint().substr(4);
  rig.config()["home_assistant"] = {{"enabled", true}};
  for (const char* id : {"a", "b", "c"}) rig.add_camera(id, "test://pattern?size=160x120&fps=10&gop=10");
  MqttProbe assistant({rig.broker.port(), "homeassistant/device/#"});
  rig.start();
  const std::vector<std::string> rest = {"info", "config/reported", "camera/a/state", "camera/b/state",
                                         "camera/c/state"};
  // Not before the cameras have told their rates.
  for (const char* topic : {"/camera/a/state", "/camera/b/state", "/camera/c/state"}) {
    const auto with_rates = [&](const ProbeMessage& m) {
      return m.topic.ends_with(topic) && m.json().value("stream", Json::object()).contains("bitrate_bps");
    };
    ASSERT_TRUE(rig.probe.wait_for(with_rates, kLimit));
  }
  rig.result("agent.ping", Json::object());

  const auto lose_connection = [&] {
    const size_t before = lines(*rig.vedette, "broker connection lost");
    way.set_away(true);
    const auto lost = [&] { return lines(*rig.vedette, "broker connection lost") > before; };
    ASSERT_TRUE(eventually(kLimit, lost)) << rig.vedette->log();
  };
  const auto come_back = [&](bool everything) {
    const size_t from = rig.probe.mark(), announced = assistant.mark();
    way.set_away(false);
    ASSERT_TRUE(rig.probe.wait_for_state("/status", "online", kLimit, from)) << rig.vedette->log();
    rig.result("agent.ping", Json::object());  // goes out behind the states
    EXPECT_GE(told(rig, "status", from), 1u);
    for (const std::string& topic : rest) EXPECT_EQ(told(rig, topic, from), everything ? 1u : 0u) << topic;
    const auto any = [](const ProbeMessage&) { return true; };
    if (everything) {
      EXPECT_TRUE(assistant.wait_for(any, kLimit, announced));  // another client: it hears when it hears
    }
    EXPECT_EQ(assistant.count(any, announced), everything ? 1u : 0u);
  };
  lose_connection();
  come_back(false);
  // Without its session, and what was retained with it.
  lose_connection();
  rig.broker.stop();
  rig.broker.start();
  come_back(true);
  // What changes meanwhile is told.
  lose_connection();
  const size_t from = rig.probe.mark();
  rig.config()["cameras"]["b"]["enabled"] = false;
  rig.vedette->write_config(rig.config().dump());
  rig.vedette->kill(SIGHUP);
  ASSERT_TRUE(rig.vedette->wait_for_log("configuration applied", kLimit));
  way.set_away(false);
  ASSERT_TRUE(rig.probe.wait_for_state("/camera/b/state", "disabled", kLimit, from));
  rig.result("agent.ping", Json::object());
  EXPECT_EQ(told(rig, "camera/a/state", from), 0u);
  EXPECT_EQ(told(rig, "camera/c/state", from), 0u);
  EXPECT_GE(told(rig, "info", from), 1u) << "it lists the cameras";
  // All of it, for who asks.
  const size_t asked = rig.probe.mark();
  rig.result("agent.rebirth", Json::object());
  for (const char* topic : {"status", "info", "camera/a/state", "camera/b/state", "camera/c/state"})
    EXPECT_TRUE(rig.probe.wait_for([&](const ProbeMessage& m) { return m.topic.ends_with(std::string("/") + topic); },
                                   kLimit, asked))
        << topic;
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
