#include "http/trusted_proxies.h"

#include <gtest/gtest.h>

namespace vedette::test {
namespace {

TrustedProxies trusting(const std::vector<std::string>& all) {
  TrustedProxies proxies;
  for (const std::string& one : all) EXPECT_TRUE(proxies.add(one)) << one;
  return proxies;
}

TEST(TrustedProxiesTest, AreAddressesAndNetworks) {
  const TrustedProxies proxies = trusting({"127.0.0.1", "10.1.0.0/15", "fd00::/8", "2001:db8::1"});
  for (const char* address :
       {"127.0.0.1", "10.0.0.1", "10.1.255.255", "fdab::1", "2001:db8::1", "2001:0db8:0::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(proxies.trusts(address)) << address;
  for (const char* address :
       {"127.0.0.2", "10.2.0.0", "11.0.0.1", "fe80::1", "2001:db8::2", "", "proxy", "10.1.0.0/15"})
    EXPECT_FALSE(proxies.trusts(address)) << address;
  EXPECT_FALSE(TrustedProxies().trusts("127.0.0.1"));
  EXPECT_TRUE(trusting({"0.0.0.0/0"}).trusts("192.0.2.1"));
  EXPECT_FALSE(trusting({"0.0.0.0/0"}).trusts("2001:db8::1"));
}

TEST(TrustedProxiesTest, WhatIsNeitherIsRefused) {
  for (const char* bad : {"", "proxy", "10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "/8",
                          "fd00::/129", "127.0.0.1:80", "[::1]"})
    EXPECT_FALSE(TrustedProxies().add(bad)) << bad;
}

TEST(TrustedProxiesTest, TheClientIsTheLastThatIsNoProxy) {
  const TrustedProxies proxies = trusting({"10.0.0.0/8"});
  const std::string peer = "10.0.0.1";
  EXPECT_EQ(proxies.client(peer, {}), peer);
  EXPECT_EQ(proxies.client(peer, {"192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(proxies.client(peer, {"198.51.100.9, 192.0.2.1"}), "192.0.2.1") << "what stands before may be invented";
  EXPECT_EQ(proxies.client(peer, {"192.0.2.1, 10.0.0.7 ,10.0.0.8"}), "192.0.2.1");
  EXPECT_EQ(proxies.client(peer, {"198.51.100.9", "192.0.2.1,10.0.0.7"}), "192.0.2.1") << "two fields are one list";
  EXPECT_EQ(proxies.client(peer, {"192.0.2.1", "10.0.0.7"}), "192.0.2.1");
  EXPECT_EQ(proxies.client(peer, {"10.0.0.9, 10.0.0.7"}), "10.0.0.9") << "a proxy asks by itself";
}

TEST(TrustedProxiesTest, WritesAnAddressInOneWayAndStopsAtWhatIsNone) {
  const TrustedProxies proxies = trusting({"10.0.0.0/8"});
  const std::string peer = "10.0.0.1";
  for (const char* form : {"2001:db8::1", "2001:DB8:0:0::1", "[2001:db8::1]", "[2001:db8::1]:4711", "\"2001:db8::1\""})
    EXPECT_EQ(proxies.client(peer, {form}), "2001:db8::1") << form;
  for (const char* form : {"192.0.2.1", "192.0.2.1:4711", "::ffff:192.0.2.1", " 192.0.2.1 "})
    EXPECT_EQ(proxies.client(peer, {form}), "192.0.2.1") << form;
  for (const char* bad : {"", ",", "unknown", "_hidden", "192.0.2.1, unknown", "192.0.2.1,", "[", "[]", "]:1"})
    EXPECT_EQ(proxies.client(peer, {bad}), peer) << bad;
  EXPECT_EQ(proxies.client(peer, {"unknown, 10.0.0.7"}), "10.0.0.7");
}

}  // namespace
}  // namespace vedette::test
