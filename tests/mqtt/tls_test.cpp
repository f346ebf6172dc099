// What TLS must refuse and what it must take, with mosquitto and with OpenSSL's own server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/mqtt/client.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/ports.h"
#include "tests/support/tls_server.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

mqtt::SessionConfig trusting(const Certificates& certificates, const std::string& url) {
  mqtt::SessionConfig config = quick_config({url});
  config.ca_file = certificates.ca;
  return config;
}

// A broker whose certificate is `certificate`, its key beside it.
std::string listener(uint16_t port, const Certificates& certificates, std::filesystem::path certificate) {
  const std::string cert = certificate;
  return "listener " + std::to_string(port) + " 127.0.0.1\ncafile " + certificates.ca.string() + "\ncertfile " + cert +
         "\nkeyfile " + certificate.replace_extension(".key").string();
}

}  // namespace

TEST(TlsTest, RefusesACertificateThatIsOver) {
  const TempDir dir;
  const Certificates certificates(dir.path());
  const uint16_t port = free_port();
  MosquittoOptions options;
  options.more = listener(port, certificates, certificates.make_expired());
  const Mosquitto broker(options);
  Client client(trusting(certificates, "mqtts://127.0.0.1:" + std::to_string(port)));
  EXPECT_TRUE(client.wait_for_failure("certificate verify failed (certificate has expired)"));
  EXPECT_TRUE(client.wait_for_failed_tries(2));
  EXPECT_EQ(client.connections(), 0);
}

TEST(TlsTest, RefusesACertificateOfItsCaForAnotherHost) {
  const TempDir dir;
  const Certificates certificates(dir.path());
  const uint16_t port = free_port();
  MosquittoOptions options;
  options.more = listener(port, certificates, certificates.make_for("other.example"));
  const Mosquitto broker(options);
  Client client(trusting(certificates, "mqtts://localhost:" + std::to_string(port)));
  EXPECT_TRUE(client.wait_for_failure("certificate verify failed (hostname mismatch)"));
  EXPECT_EQ(client.connections(), 0);
}

TEST(TlsTest, RefusesTls11) {
  const TempDir dir;
  const Certificates certificates(dir.path());
  TlsServer old(certificates, {"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"});
  // A client that takes it does connect.
  const Finished taken =
      run({"sh", "-c",
           "openssl s_client -connect 127.0.0.1:" + old.port() + " -tls1_1 -cipher ALL:@SECLEVEL=0 < /dev/null"});
  ASSERT_NE(taken.output.find("TLSv1.1"), std::string::npos) << taken.output << taken.errors;
  Client client(trusting(certificates, old.url()));
  EXPECT_TRUE(client.wait_for_failed_tries(2));
  EXPECT_EQ(client.connections(), 0);
}

TEST(TlsTest, ABrokerThatWantsACertificateTakesOnlyOneOfItsCa) {
  MosquittoOptions options;
  options.client_certificates = true;
  const Mosquitto broker(options);
  mqtt::SessionConfig config = trusting(broker.certificates(), broker.url());
  {
    Client without(config);
    EXPECT_TRUE(without.wait_for_failed_tries(5));
    EXPECT_EQ(without.connections(), 0);
    // However the handshake ends, which is a race, the reason leads to what is missing.
    for (const std::string& reason : without.failures()) EXPECT_THAT(reason, testing::HasSubstr("certificate"));
  }
  const TempDir dir;
  const Certificates others(dir.path());
  config.cert_file = others.client_cert;
  config.key_file = others.client_key;
  {
    Client foreign(config);
    EXPECT_TRUE(foreign.wait_for_failed_tries(2));
    EXPECT_EQ(foreign.connections(), 0);
  }
  config.cert_file = broker.certificates().client_cert;
  config.key_file = broker.certificates().client_key;
  Client good(config);
  EXPECT_TRUE(good.wait_for_connections(1));
}

TEST(TlsTest, APortWhereNobodyListensIsToldAsThat) {
  const TempDir dir;
  const Certificates certificates(dir.path());
  Client client(trusting(certificates, "mqtts://127.0.0.1:" + std::to_string(free_port())));
  EXPECT_TRUE(client.wait_for_failure("Connection refused"));
}

TEST(TlsTest, ACertificateThatIsReplacedCountsFromTheNextTry) {
  MosquittoOptions options;
  options.client_certificates = true;
  const Mosquitto broker(options);
  const TempDir dir;
  const Certificates others(dir.path());
  mqtt::SessionConfig config = trusting(broker.certificates(), broker.url());
  config.cert_file = others.client_cert;
  config.key_file = others.client_key;
  Client client(config);
  EXPECT_TRUE(client.wait_for_failed_tries(1));
  const auto replace = std::filesystem::copy_options::overwrite_existing;
  std::filesystem::copy_file(broker.certificates().client_cert, others.client_cert, replace);
  std::filesystem::copy_file(broker.certificates().client_key, others.client_key, replace);
  EXPECT_TRUE(client.wait_for_connections(1));
}

// The library is given the address of the name.
TEST(TlsTest, AsksForTheNameOfTheUrlAndTakesACertificateForIt) {
  const TempDir dir;
  const Certificates certificates(dir.path());
  TlsServer server(certificates, {"-tlsextdebug", "-servername", "localhost", "-cert2", certificates.server_cert,
                                  "-key2", certificates.server_key});
  const Client client(trusting(certificates, "mqtts://localhost:" + server.port()));
  EXPECT_TRUE(server.says("Hostname in TLS extension: \"localhost\""));
  MosquittoOptions options;
  options.tls = true;
  const Mosquitto broker(options);
  Client connected(trusting(broker.certificates(), "mqtts://localhost:" + std::to_string(broker.port())));
  EXPECT_TRUE(connected.wait_for_connections(1));
}

// SNI is for names (RFC 6066, section 3).
TEST(TlsTest, AsksForNoNameWhereTheUrlHasAnAddress) {
  const TempDir dir;
  const Certificates certificates(dir.path());
  TlsServer server(certificates, {"-tlsextdebug"});
  const Client client(trusting(certificates, server.url()));
  ASSERT_TRUE(server.says("CIPHER is"));
  EXPECT_NE(server.output().find("TLS client extension"), std::string::npos) << server.output();
  EXPECT_EQ(server.output().find("server name"), std::string::npos) << server.output();
}

TEST(TlsTest, AsksForTheAlpnProtocol) {
  const TempDir dir;
  const Certificates certificates(dir.path());
  TlsServer server(certificates, {"-alpn", "http/1.1,x-amzn-mqtt-ca"});
  mqtt::SessionConfig config = trusting(certificates, server.url());
  config.alpn = "x-amzn-mqtt-ca";
  const Client client(config);
  EXPECT_TRUE(server.says("ALPN protocols selected: x-amzn-mqtt-ca"));
}

TEST(TlsTest, AsksForNoAlpnProtocolByItself) {
  const TempDir dir;
  const Certificates certificates(dir.path());
  TlsServer server(certificates, {"-alpn", "mqtt"});
  const Client client(trusting(certificates, server.url()));
  ASSERT_TRUE(server.says("CIPHER is"));
  EXPECT_EQ(server.output().find("ALPN protocols advertised"), std::string::npos) << server.output();
}

}  // namespace vedette::test
