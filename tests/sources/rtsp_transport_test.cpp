#include "sources/rtsp/transport.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "tests/support/wait.h"

namespace vedette::rtsp {
namespace {

using test::eventually;

TEST(RtspTransportTest, ReadsWhatCamerasSay) {
  auto header = parse_transport("RTP/AVP;unicast;client_port=50000-50001;server_port=6970-6971;ssrc=1234ABCD");
  EXPECT_FALSE(header.over_tcp);
  ASSERT_TRUE(header.server_ports);
  EXPECT_EQ(header.server_ports->rtp, 6970);
  EXPECT_EQ(header.server_ports->rtcp, 6971);
  header = parse_transport("RTP/AVP/TCP ; unicast; interleaved= 4-5;ssrc= d6d6627");
  EXPECT_TRUE(header.over_tcp);
  EXPECT_EQ(header.channel, 4);
  header = parse_transport("RTP/AVP;multicast;destination=239.1.2.3;source=10.0.0.5;port=5000-5001;ttl=16");
  EXPECT_TRUE(header.multicast);
  EXPECT_FALSE(header.over_tcp);
  ASSERT_TRUE(header.destination && header.source && header.group_ports);
  EXPECT_TRUE(header.destination->same_host(*Address::numeric("239.1.2.3", 0)));
  EXPECT_TRUE(header.source->same_host(*Address::numeric("10.0.0.5", 0)));
  EXPECT_EQ(header.group_ports->rtp, 5000);
  EXPECT_EQ(header.group_ports->rtcp, 5001);
  EXPECT_EQ(header.ttl, 16);
  header = parse_transport("RTP/AVP;multicast;destination=ff15::7;client_port=5004");
  EXPECT_EQ(header.destination->family(), AF_INET6);
  EXPECT_EQ(header.group_ports->rtcp, 5005) << "some name it so";
  EXPECT_EQ(header.ttl, 1);
  EXPECT_EQ(parse_transport("RTP/AVP;server_port=7000").server_ports->rtcp, 7001) << "some name one only";
}

TEST(RtspTransportTest, WhatMakesNoSenseIsNotThere) {
  for (const char* text : {"", ";;;", "server_port", "server_port=", "server_port=0-1", "server_port=65535",
                           "server_port=99999-100000", "server_port=x-y", "interleaved=-1", "interleaved=255-256"}) {
    const auto header = parse_transport(text);
    EXPECT_FALSE(header.server_ports) << text;
    EXPECT_FALSE(header.channel) << text;
  }
  for (const char* text : {"multicast", "destination=", "destination=camera;port=", "destination=239.1.2;port=0",
                           "source=x;port=65535", "destination=239.1.2.3.4;client_port=-1"}) {
    const auto header = parse_transport(text);
    EXPECT_FALSE(header.destination || header.source || header.group_ports) << text;
  }
  EXPECT_EQ(parse_transport("ttl=0").ttl, 1);
  EXPECT_EQ(parse_transport("ttl=x").ttl, 1);
  EXPECT_EQ(parse_transport("ttl=70000").ttl, 255);
  EXPECT_EQ(parse_transport("server_port=6970-0").server_ports->rtcp, 6971);
}

TEST(RtspTransportTest, KnowsItsNames) {
  for (const auto& [name, transport] : {std::pair{"tcp", Transport::tcp},
                                        {"udp", Transport::udp},
                                        {"multicast", Transport::multicast},
                                        {"http", Transport::http}}) {
    EXPECT_EQ(transport_of(name), transport);
    EXPECT_EQ(is_interleaved(transport), transport == Transport::tcp || transport == Transport::http);
  }
  EXPECT_FALSE(transport_of("auto"));
}

TEST(RtspAddressTest, KnowsNumbersOnly) {
  EXPECT_EQ(Address::numeric("10.0.0.5", 7)->family(), AF_INET);
  EXPECT_EQ(Address::numeric("ff05::1", 7)->port(), 7);
  EXPECT_FALSE(Address::numeric("camera", 0));
  EXPECT_FALSE(Address::numeric("", 0));
  EXPECT_FALSE(Address::numeric("10.0.0.5", 0)->same_host(*Address::numeric("::1", 0)));
}

TEST(RtspAddressTest, KnowsGroupsAndInterfaces) {
  for (const char* group : {"224.0.0.1", "239.255.255.255", "ff02::1"})
    EXPECT_TRUE(Address::numeric(group, 0)->is_multicast()) << group;
  for (const char* host : {"10.0.0.5", "127.0.0.1", "255.255.255.255", "240.0.0.1", "fe80::1", "::"})
    EXPECT_FALSE(Address::numeric(host, 0)->is_multicast()) << host;
  EXPECT_NE(Address::numeric("127.0.0.1", 0)->interface(), 0u);
  EXPECT_EQ(Address::numeric("203.0.113.1", 0)->interface(), 0u) << "nobody's (RFC 5737)";
}

class DatagramsTest : public testing::Test {
 protected:
  // A camera's socket.
  struct Camera {
    explicit Camera(const char* host) : fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
      const Address address = *Address::numeric(host, 0);
      EXPECT_EQ(bind(fd.get(), address.get(), address.size()), 0);
    }
    uint16_t port() const { return Address::local_of(fd.get())->port(); }
    void send(const std::string& text, uint16_t to) const {
      const Address address = *Address::numeric("127.0.0.1", to);
      EXPECT_GT(sendto(fd.get(), text.data(), text.size(), 0, address.get(), address.size()), 0);
    }
    std::string receive() const {
      char buffer[100];
      const ssize_t got = recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      return got > 0 ? std::string(buffer, static_cast<size_t>(got)) : std::string();
    }
    Fd fd;
  };
  // What has come until nothing more comes; the last one is told by its text.
  std::vector<std::string> received_until(const std::string& last) {
    std::vector<std::string> all;
    EXPECT_TRUE(eventually(10000ms, [&] {
      ours_->receive(Datagrams::rtp, buffer_,
                     [&](std::span<const uint8_t> b) { all.emplace_back(b.begin(), b.end()); });
      return !all.empty() && all.back() == last;
    }));
    return all;
  }

  std::unique_ptr<Datagrams> ours_ = std::move(*Datagrams::open(*Address::numeric("127.0.0.1", 0)));
  std::vector<uint8_t> buffer_ = std::vector<uint8_t>(256 * 1024);
  const Camera camera_{"127.0.0.1"}, other_port_{"127.0.0.1"}, other_host_{"127.0.0.2"};
};

TEST_F(DatagramsTest, TakesAnEvenPortAndTheNext) {
  EXPECT_EQ(ours_->ports().rtp % 2, 0);
  EXPECT_EQ(ours_->ports().rtcp, ours_->ports().rtp + 1);
}

TEST_F(DatagramsTest, TakesNothingFromOthers) {
  const uint16_t port = ours_->ports().rtp;
  camera_.send("too early: nobody knows who sends", port);
  EXPECT_FALSE(ours_->receive(Datagrams::rtp, buffer_, [](std::span<const uint8_t>) { FAIL(); }));
  ours_->set_sender(*Address::numeric("127.0.0.1", 0), Datagrams::Ports{camera_.port(), 1});
  other_port_.send("other port", port);
  other_host_.send("other host", port);
  camera_.send("camera", port);
  EXPECT_EQ(received_until("camera"), std::vector<std::string>{"camera"});
  ours_->set_sender(*Address::numeric("127.0.0.1", 0), std::nullopt);
  other_host_.send("other host", port);
  other_port_.send("another port of the camera, which did not say one", port);
  camera_.send("camera", port);
  EXPECT_EQ(received_until("camera").size(), 2u);
}

TEST_F(DatagramsTest, TakesManyAtOnceAndNoneThatIsCut) {
  ours_->set_sender(*Address::numeric("127.0.0.1", 0), std::nullopt);
  camera_.send(std::string(5000, 'x'), ours_->ports().rtp);
  for (int i = 0; i < 200; ++i) camera_.send(std::to_string(i), ours_->ports().rtp);
  const auto all = received_until("199");
  ASSERT_EQ(all.size(), 200u);
  EXPECT_EQ(all.front(), "0");
}

TEST_F(DatagramsTest, OpensTheWayFromOurSide) {
  ours_->punch();
  EXPECT_EQ(camera_.receive(), "") << "nobody said where to";
  ours_->set_sender(*Address::numeric("127.0.0.1", 0), Datagrams::Ports{camera_.port(), other_port_.port()});
  ours_->punch();
  std::string rtp, rtcp;
  EXPECT_TRUE(eventually(10000ms, [&] { return !(rtp = camera_.receive()).empty(); }));
  EXPECT_TRUE(eventually(10000ms, [&] { return !(rtcp = other_port_.receive()).empty(); }));
  EXPECT_EQ(rtp.size(), 12u);
  EXPECT_EQ(static_cast<uint8_t>(rtcp[1]), 201);
}

}  // namespace
}  // namespace vedette::rtsp
