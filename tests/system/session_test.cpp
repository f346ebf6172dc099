// The agent's session with its brokers, as it is configured.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_server.h"
#include "tests/support/vedette_process.h"

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

}  // namespace
}  // namespace vedette::test
