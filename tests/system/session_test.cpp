// The agent's session with its brokers, as it is configured.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/support/tls_server.h"
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

}  // namespace
}  // namespace vedette::test
