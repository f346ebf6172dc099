// Cameras that are found by WS-Discovery: the messages, and simulated cameras that answer on this machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <future>

#include "core/file.h"
#include "core/thread.h"
#include "sources/onvif/discovery.h"
#include "sources/socket_address.h"
#include "tests/support/http_camera.h"

namespace vedette::onvif {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kId = "019aa053-2920-7a00-8000-000000000036";

std::string match(const std::string& content) {
  return "<w:ProbeMatch><a:EndpointReference><a:Address> urn:uuid:1 </a:Address></a:EndpointReference>"
         "<w:Types>dn:NetworkVideoTransmitter tds:Device</w:Types>" +
         content + "</w:ProbeMatch>";
}

std::string answer(const std::string& matches, const std::string& relates_to = std::string("urn:uuid:") + kId) {
  return "<e:Envelope><e:Header><a:RelatesTo>" + relates_to + "</a:RelatesTo></e:Header><e:Body><w:ProbeMatches>" +
         matches + "</w:ProbeMatches></e:Body></e:Envelope>";
}

std::string url_of(const std::string& xaddrs, const std::string& sender) {
  const auto found = read_probe_matches(answer(match("<w:XAddrs>" + xaddrs + "</w:XAddrs>")), kId, sender);
  return found.empty() ? "" : found[0].url;
}

TEST(ProbeMatchTest, TellsAddressesNameAndHardware) {
  const auto found = read_probe_matches(
      answer(match("<w:Scopes>\n onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/Yard%20%C3%BC "
                   "onvif://www.onvif.org/hardware/DS-2CD </w:Scopes><w:XAddrs>http://10.0.0.5/onvif/device_service "
                   "http://[fe80::1]/onvif/device_service</w:XAddrs>")),
      kId, "10.0.0.5");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].address, "urn:uuid:1");
  EXPECT_EQ(found[0].name, "Yard \xC3\xBC");
  EXPECT_EQ(found[0].hardware, "DS-2CD");
  EXPECT_EQ(found[0].scopes.size(), 3u);
  EXPECT_THAT(found[0].xaddrs,
              ElementsAre("http://10.0.0.5/onvif/device_service", "http://[fe80::1]/onvif/device_service"));
  EXPECT_EQ(found[0].url, "onvif://10.0.0.5:80");
  EXPECT_FALSE(found[0].tls);
}

TEST(ProbeMatchTest, TheUrlIsOfTheAddressThatAnswered) {
  EXPECT_EQ(url_of("http://169.254.1.1/x http://[fe80::1]:81/x http://10.0.0.5:8080/x", "10.0.0.5"),
            "onvif://10.0.0.5:8080");
  EXPECT_EQ(url_of("http://169.254.1.1/x http://10.9.9.9/x http://10.8.8.8/x", "10.0.0.5"), "onvif://10.9.9.9:80");
  EXPECT_EQ(url_of("http://[fe80::1]:81/x", "10.0.0.5"), "onvif://[fe80::1]:81");
  const auto tls = read_probe_matches(answer(match("<XAddrs>https://10.0.0.5/x</XAddrs>")), kId, "10.0.0.5");
  ASSERT_EQ(tls.size(), 1u);
  EXPECT_EQ(tls[0].url, "onvif://10.0.0.5:443");
  EXPECT_TRUE(tls[0].tls);
}

TEST(ProbeMatchTest, OnlyAnswersToOurQuestionCount) {
  const std::string one = match("<XAddrs>http://10.0.0.5/x</XAddrs>");
  EXPECT_EQ(read_probe_matches(answer(one, "UUID:019AA053-2920-7A00-8000-000000000036"), kId, "").size(), 1u);
  for (const char* other : {"", "urn:uuid:019aa053-2920-7a00-8000-000000000037", "0036"})
    EXPECT_THAT(read_probe_matches(answer(one, other), kId, ""), IsEmpty()) << other;
}

TEST(ProbeMatchTest, WhatMakesNoSenseIsLeftOut) {
  for (const char* xaddrs : {"", "ftp://10.0.0.5/", "http://", "http://h:0/", "10.0.0.5", "http://\x01h/"})
    EXPECT_EQ(url_of(xaddrs, "10.0.0.5"), "") << xaddrs;
  EXPECT_EQ(url_of("http://" + std::string(500, 'h') + "/ http://10.0.0.5/", "10.0.0.5"), "onvif://10.0.0.5:80");
  for (const std::string& datagram :
       {std::string(), std::string("no XML"), answer(""), answer("<ProbeMatch/>"), answer(match("")),
        answer(
            "<ProbeMatch><EndpointReference><Address>a b</Address></EndpointReference><Types>dn:NetworkVideoTransmitter"
            "</Types><XAddrs>http://h/</XAddrs></ProbeMatch>"),
        answer("<ProbeMatch><EndpointReference><Address>a</Address></EndpointReference><Types>wsdp:Printer</Types>"
               "<XAddrs>http://h/</XAddrs></ProbeMatch>")})
    EXPECT_THAT(read_probe_matches(datagram, kId, "10.0.0.5"), IsEmpty()) << datagram;
  const auto found = read_probe_matches(
      answer(match("<Scopes>onvif://www.onvif.org/name/a%00b onvif://www.onvif.org/hardware/%FF</Scopes>"
                   "<XAddrs>http://a/ http://b/ http://c/ http://d/ http://e/</XAddrs>")),
      kId, "");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name + found[0].hardware, "");
  EXPECT_EQ(found[0].xaddrs.size(), FoundCamera::kMostXaddrs);
}

TEST(ProbeMatchTest, ManyInOneDatagramAreBounded) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += match("<XAddrs>http://10.0.0.5/</XAddrs>");
  EXPECT_EQ(read_probe_matches(answer(many), kId, "").size(), 16u);
}

TEST(UnicastTest, IsTheAddressOfOneMachine) {
  for (const char* good : {"10.0.0.5", "127.0.0.1", "223.255.255.255"}) EXPECT_TRUE(is_unicast_ipv4(good)) << good;
  for (const char* bad : {"", "0.0.0.0", "224.0.0.1", "239.255.255.250", "255.255.255.255", "10.0.0", "10.0.0.5:80",
                          "::1", "camera", "10.0.0.5 "})
    EXPECT_FALSE(is_unicast_ipv4(bad)) << bad;
}

// ---- on this machine, where other cameras may answer as well

class DiscoveryTest : public testing::Test {
 protected:
  static test::HttpCamera camera(const std::string& address) { return test::HttpCamera({.more = {"--wsd", address}}); }
  static std::vector<std::string> urls(const Discovered& found) {
    std::vector<std::string> out;
    for (const FoundCamera& one : found.cameras) out.push_back(one.url);
    return out;
  }
  static std::string url(const std::string& address, const test::HttpCamera& http) {
    return "onvif://" + address + ":" + std::to_string(http.port());
  }
};

TEST_F(DiscoveryTest, FindsEachCameraOnceByMulticast) {
  const test::HttpCamera one = camera("127.83.0.1"), two = camera("127.83.0.2");
  const auto found = discover(1500ms, "", std::stop_token());
  ASSERT_TRUE(found) << found.error().message;
  const auto all = urls(*found);
  EXPECT_EQ(std::count(all.begin(), all.end(), url("127.83.0.1", one)), 1);
  EXPECT_EQ(std::count(all.begin(), all.end(), url("127.83.0.2", two)), 1);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  const auto it = std::find(all.begin(), all.end(), url("127.83.0.1", one));
  ASSERT_NE(it, all.end());
  const FoundCamera& camera = found->cameras[static_cast<size_t>(it - all.begin())];
  EXPECT_EQ(camera.name, "SIM Cam");
  EXPECT_EQ(camera.hardware, "SIM-2CD");
  EXPECT_THAT(camera.address, testing::StartsWith("urn:uuid:00000000-0000-4000-8000-"));
  for (const FoundCamera& each : found->cameras) EXPECT_THAT(each.address, testing::Not(HasSubstr("stray")));
  EXPECT_FALSE(found->truncated);
}

TEST_F(DiscoveryTest, AsksOneAddressWhereMulticastDoesNotPass) {
  const test::HttpCamera one = camera("127.83.0.3"), two = camera("127.83.0.4");
  const auto found = discover(1s, "127.83.0.3", std::stop_token());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(urls(*found), ElementsAre(url("127.83.0.3", one)));
  const auto nobody = discover(500ms, "127.83.0.5", std::stop_token());
  ASSERT_TRUE(nobody) << nobody.error().message;
  EXPECT_THAT(nobody->cameras, IsEmpty());
}

// Answers the first probe as if it were 300 cameras, over and over.
class Flood {
 public:
  explicit Flood(const std::string& address) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const auto own = socket_address(address, 3702).value();
    const timeval limit{0, 50'000};
    EXPECT_EQ(setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    EXPECT_EQ(bind(fd_.get(), own.get(), own.size), 0);
    thread_ = start_thread("flood", [this](const std::stop_token& stop) {
      while (!stop.stop_requested()) answer_one(stop);
    });
  }

 private:
  void answer_one(const std::stop_token& stop) const {
    std::array<char, 4096> probe{};
    sockaddr_storage asker{};
    socklen_t size = sizeof asker;
    auto* const to = reinterpret_cast<sockaddr*>(&asker);
    const ssize_t bytes = recvfrom(fd_.get(), probe.data(), probe.size(), 0, to, &size);
    if (bytes <= 0) return;
    const std::string_view text(probe.data(), static_cast<size_t>(bytes));
    const std::string id(text.substr(text.find("urn:uuid:") + 9, 36));
    for (int i = 0; !stop.stop_requested(); i = (i + 1) % 300) {
      std::string one = answer(match("<XAddrs>http://10.0.0.5/</XAddrs>"), id);
      one.replace(one.find("urn:uuid:1"), 10, "urn:uuid:" + std::to_string(i));
      sendto(fd_.get(), one.data(), one.size(), 0, to, size);
    }
  }

  Fd fd_;
  std::jthread thread_;
};

TEST_F(DiscoveryTest, AFloodOfAnswersEndsTheSearchWithWhatThereIs) {
  const Flood flood("127.83.0.6");
  const auto found = discover(10s, "127.83.0.6", std::stop_token());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->truncated);
  EXPECT_EQ(found->cameras.size(), Discovered::kMostCameras);
}

TEST_F(DiscoveryTest, StopsAtOnce) {
  std::stop_source stop;
  auto search = std::async(std::launch::async, [&] { return discover(10s, "127.83.0.7", stop.get_token()); });
  ASSERT_EQ(search.wait_for(200ms), std::future_status::timeout);
  stop.request_stop();
  ASSERT_EQ(search.wait_for(500ms), std::future_status::ready);
  EXPECT_EQ(search.get().error().code, Code::cancelled);
}

}  // namespace
}  // namespace vedette::onvif
