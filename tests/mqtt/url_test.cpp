#include "mqtt/url.h"

#include <gtest/gtest.h>

#include "mqtt/session.h"

namespace vedette::mqtt {

TEST(BrokerUrlTest, TakesSchemeHostAndPort) {
  const auto plain = parse_url("mqtt://broker.example");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "broker.example");
  EXPECT_EQ(plain->port, 1883);
  EXPECT_FALSE(plain->tls);
  const auto tls = parse_url("mqtts://10.0.0.1:9883/");
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->host, "10.0.0.1");
  EXPECT_EQ(tls->port, 9883);
  EXPECT_TRUE(tls->tls);
  EXPECT_EQ(parse_url("mqtts://h")->port, 8883);
}

TEST(BrokerUrlTest, TakesIpv6InBrackets) {
  const auto url = parse_url("mqtt://[fe80::1]:1884");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "fe80::1");
  EXPECT_EQ(url->port, 1884);
  EXPECT_EQ(url->display(), "mqtt://[fe80::1]:1884");
}

TEST(BrokerUrlTest, DecodesCredentialsAndNeverShowsThem) {
  const auto url = parse_url("mqtt://edge-01:p%40ss:w%2Frd@broker");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->username, "edge-01");
  EXPECT_EQ(url->password, "p@ss:w/rd");
  EXPECT_EQ(url->display(), "mqtt://broker:1883");
}

TEST(BrokerUrlTest, RefusesWhatIsNoBrokerWithoutRepeatingIt) {
  for (const char* text : {"", "broker", "http://broker", "mqtt://", "mqtt://:1883", "mqtt://h:0", "mqtt://h:65536",
                           "mqtt://h:1x", "mqtt://h:", "mqtt://[::1", "mqtt://[::1]x", "mqtt://[1%eth0]:1",
                           "mqtt://[h]", "mqtt://h/path", "mqtt://u:secret@h h", "mqtt://h?x=1"}) {
    const Status status = check_url(text);
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().code, Code::invalid_argument) << text;
    EXPECT_EQ(status.error().message.find("secret"), std::string::npos);
  }
}

}  // namespace vedette::mqtt
