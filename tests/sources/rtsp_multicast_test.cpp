// RTSP with the media sent to a group.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <array>
#include <atomic>
#include <sstream>

#include "sources/rtsp/client.h"
#include "sources/rtsp/multicast.h"
#include "tests/sources/scripted_camera.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace vedette::rtsp {
namespace {

using test::CameraSim;
using test::eventually;
using test::Footage;
using test::footage;
using test::ScriptedCamera;
using test::SourceRun;
using testing::HasSubstr;

constexpr milliseconds kLimit{10000};

const Address kLoopback = *Address::numeric("127.0.0.1", 0);

// Groups of a test's own, in the range of an organisation (RFC 2365).
Datagrams::Group group_of(const std::string& address, uint16_t port, const char* sender = "127.0.0.1") {
  return {*Address::numeric(address, 0), {port, static_cast<uint16_t>(port + 1)}, *Address::numeric(sender, 0)};
}

// Who sends to the group from an address of this machine.
class Sender {
 public:
  explicit Sender(const char* host) : host_(*Address::numeric(host, 0)), fd_(socket(host_.family(), SOCK_DGRAM, 0)) {
    EXPECT_EQ(bind(fd_.get(), host_.get(), host_.size()), 0);
    const in_addr by = reinterpret_cast<const sockaddr_in*>(host_.get())->sin_addr;
    if (host_.family() == AF_INET)
      EXPECT_EQ(setsockopt(fd_.get(), IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by), 0);
    else
      EXPECT_EQ(setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface_, sizeof interface_), 0);
  }
  bool send(const std::string& text, const std::string& address, uint16_t port) const {
    const Address to = Address::numeric(address, port)->with_scope(interface_);
    return sendto(fd_.get(), text.data(), text.size(), 0, to.get(), to.size()) > 0;
  }

 private:
  const Address host_;
  const unsigned interface_ = host_.interface();
  const Fd fd_;
};

// What has come until this did.
std::vector<std::string> received_until(Datagrams& ours, Datagrams::Socket socket, const std::string& last) {
  std::vector<std::string> all;
  std::vector<uint8_t> buffer(64 * 1024);
  EXPECT_TRUE(eventually(kLimit, [&] {
    ours.receive(socket, buffer, [&](std::span<const uint8_t> b) { all.emplace_back(b.begin(), b.end()); });
    return !all.empty() && all.back() == last;
  })) << last;
  return all;
}

// The kernel's table of groups and the senders that are wanted in them.
bool kernel_filters(const std::string& group_hex, const std::string& sender_hex) {
  std::istringstream lines(test::read_text("/proc/net/mcfilter"));
  for (std::string line; std::getline(lines, line);)
    if (line.find(group_hex) != std::string::npos && line.find(sender_hex) != std::string::npos) return true;
  return false;
}

TEST(MulticastTest, HearsTheSenderOnlyAndLeavesTheGroupAtTheEnd) {
  const Sender camera("127.0.0.1"), other("127.0.0.2");
  {
    auto ours = Datagrams::join(group_of("239.255.251.1", 41000), kLoopback);
    ASSERT_TRUE(ours.has_value()) << ours.error().message;
    EXPECT_TRUE(kernel_filters("0xeffffb01", "0x7f000001"));
    EXPECT_TRUE((*ours)->is_in(*Address::numeric("239.255.251.1", 5)));
    EXPECT_TRUE(other.send("forged", "239.255.251.1", 41000));
    EXPECT_TRUE(camera.send("of another group", "239.255.251.9", 41000));
    EXPECT_TRUE(camera.send("to us alone", "127.0.0.1", 41000));
    EXPECT_TRUE(camera.send("media", "239.255.251.1", 41000));
    EXPECT_EQ(received_until(**ours, Datagrams::rtp, "media"), std::vector<std::string>{"media"});
    EXPECT_TRUE(camera.send("report", "239.255.251.1", 41001));
    EXPECT_EQ(received_until(**ours, Datagrams::rtcp, "report"), std::vector<std::string>{"report"});
  }
  EXPECT_FALSE(kernel_filters("0xeffffb01", "0x7f000001"));
}

TEST(MulticastTest, SeveralMayListenAndEachHearsTheReportsOfTheOthers) {
  auto first = Datagrams::join(group_of("239.255.251.2", 41010), kLoopback);
  auto second = Datagrams::join(group_of("239.255.251.2", 41010), kLoopback);
  ASSERT_TRUE(first.has_value() && second.has_value());
  const Sender camera("127.0.0.1");
  EXPECT_TRUE(camera.send("media", "239.255.251.2", 41010));
  received_until(**first, Datagrams::rtp, "media");
  received_until(**second, Datagrams::rtp, "media");
  const std::string report = "a report of ours";
  (*first)->send(Datagrams::rtcp, {reinterpret_cast<const uint8_t*>(report.data()), report.size()});
  received_until(**second, Datagrams::rtcp, report);
}

// An address of this machine from which IPv6 can be sent to groups; the loopback interface routes none.
std::string ipv6_address() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(first, &freeifaddrs);
  for (const ifaddrs* one = first; one; one = one->ifa_next) {
    constexpr unsigned kWanted = IFF_UP | IFF_MULTICAST;
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET6 || (one->ifa_flags & kWanted) != kWanted) continue;
    const auto& address = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (!IN6_IS_ADDR_LINKLOCAL(&address)) return inet_ntop(AF_INET6, &address, text.data(), text.size());
  }
  return {};
}

TEST(MulticastTest, GroupsOfIpv6AreJoinedToo) {
  const std::string host = ipv6_address();
  if (host.empty()) GTEST_SKIP() << "no interface with IPv6 here";
  auto ours = Datagrams::join(group_of("ff15::fb01", 41020, host.c_str()), *Address::numeric(host, 0));
  ASSERT_TRUE(ours.has_value()) << ours.error().message;
  const Sender camera(host.c_str());
  ASSERT_TRUE(camera.send("media", "ff15::fb01", 41020));
  EXPECT_EQ(received_until(**ours, Datagrams::rtp, "media"), std::vector<std::string>{"media"});
}

TEST(MulticastTest, AddressWithoutInterfaceIsAnError) {
  const auto none = Datagrams::join(group_of("239.255.251.3", 41030), *Address::numeric("203.0.113.1", 0));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Code::camera_unavailable);
}

class RtspMulticastTest : public testing::Test {
 protected:
  // A camera that answers SETUP with this Transport.
  static ScriptedCamera::Answer naming(const std::string& transport, std::atomic<int>* tracks = nullptr) {
    return [=](const std::string& method, const std::string&) -> std::string {
      const std::string ok = "RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n";
      const std::string sdp =
          "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
          "m=audio 0 RTP/AVP 8\r\na=control:trackID=1\r\n";
      if (method == "DESCRIBE") return ok + "Content-Length: " + std::to_string(sdp.size()) + "\r\n\r\n" + sdp;
      if (method != "SETUP") return ok + "\r\n";
      std::string said = transport;
      if (const size_t at = said.find("{port}"); at != std::string::npos)
        said.replace(at, 6, std::to_string(41100 + 2 * (tracks ? (*tracks)++ : 0)));
      return ok + "Session: 9;timeout=60\r\nTransport: " + said + "\r\n\r\n";
    };
  }
  static Result<std::unique_ptr<Client>> open(const ScriptedCamera& camera) {
    return Client::open({camera.url(), {}, {}, Clock::system().mono() + kLimit, Transport::multicast}, {});
  }
};

TEST_F(RtspMulticastTest, AsksForAGroupAndJoinsThatWhichIsNamed) {
  std::atomic<int> tracks{0};
  const ScriptedCamera camera(naming("RTP/AVP;multicast;destination=239.255.251.4;port={port};ttl=4", &tracks));
  {
    const auto client = open(camera);
    ASSERT_TRUE(client.has_value()) << client.error().message;
    EXPECT_TRUE((*client)->uses_datagrams());
    ASSERT_EQ((*client)->tracks().size(), 2u);
    EXPECT_EQ((*client)->tracks()[0].datagrams->ports().rtp, 41100);
    EXPECT_EQ((*client)->tracks()[1].datagrams->ports().rtcp, 41103);
    EXPECT_TRUE(kernel_filters("0xeffffb04", "0x7f000001"));
  }
  EXPECT_THAT(camera.requests()[2], HasSubstr("Transport: RTP/AVP;multicast\r\n"));
  EXPECT_FALSE(kernel_filters("0xeffffb04", "0x7f000001"));
  EXPECT_TRUE(eventually(kLimit, [&] { return camera.count("TEARDOWN") == 1; }));
}

TEST_F(RtspMulticastTest, ListensNowhereElseThanInAGroupOfItsOwnNetwork) {
  for (const char* hostile : {
           "RTP/AVP;multicast;destination=10.0.0.5;port=5000-5001",    // no group
           "RTP/AVP;multicast;destination=127.0.0.1;port=5000-5001",   // ourselves
           "RTP/AVP;multicast;destination=255.255.255.255;port=5000",  // everybody
           "RTP/AVP;multicast;destination=camera.example;port=5000",   // a name
           "RTP/AVP;multicast;destination=ff15::1;port=5000",          // another protocol than the connection's
           "RTP/AVP;multicast;port=5000-5001",                         // no destination
           "RTP/AVP;multicast;destination=239.255.251.5",              // no port
           "RTP/AVP;multicast;destination=239.255.251.5;port=0",       //
           "RTP/AVP;multicast;destination=239.255.251.5;source=239.255.251.5;port=5000",
           "RTP/AVP;multicast;destination=239.255.251.5;source=::1;port=5000",
           "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
           "RTP/AVP/TCP;unicast;interleaved=0-1",
           "",
       }) {
    const ScriptedCamera camera(naming(hostile));
    const auto client = open(camera);
    ASSERT_FALSE(client.has_value()) << hostile;
    EXPECT_EQ(client.error().code, Code::unsupported) << hostile;
    EXPECT_EQ(camera.count("PLAY"), 0u);
    EXPECT_FALSE(kernel_filters("0xeffffb05", "0x"));
  }
  const ScriptedCamera twice(naming("RTP/AVP;multicast;destination=239.255.251.6;port=41200"));
  const auto client = open(twice);
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code, Code::camera_unavailable) << "two streams on one port of a group";
}

TEST_F(RtspMulticastTest, NetworkThatSwallowsItIsNamed) {
  std::atomic<int> tracks{0};
  const ScriptedCamera camera(naming("RTP/AVP;multicast;destination=239.255.251.7;port={port}", &tracks));
  SourceConfig config;
  config.url = camera.url();
  config.transport = "multicast";
  config.stall_timeout = 1s;
  SourceRun run(config);
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended && !*ended);
  EXPECT_EQ(ended->error().code, Code::timed_out);
  EXPECT_THAT(ended->error().message, HasSubstr("nothing came by multicast"));
}

TEST_F(RtspMulticastTest, CameraWithoutItIsRefusedAndNotReadInAnotherWay) {
  const CameraSim unicast({.media = {footage(Footage::h264_pcmu)}});
  SourceConfig config;
  config.url = unicast.url();
  config.transport = "multicast";
  SourceRun run(config);
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended && !*ended);
  EXPECT_EQ(ended->error().code, Code::unsupported) << ended->error().message;
  EXPECT_TRUE(run.packets().empty());
  config.url = "rtsps://127.0.0.1/";
  EXPECT_EQ(make_source(config).error().code, Code::invalid_argument) << "readable by everybody";
}

// As two agents on one machine, or two cameras configured for one.
TEST_F(RtspMulticastTest, TwoListenersShareAGroup) {
  const CameraSim camera({.media = {footage(Footage::h264_aac_1080p25)}, .more = {"--transports", "multicast"}});
  SourceConfig config;
  config.url = camera.url();
  config.transport = "multicast";
  SourceRun first(config);
  ASSERT_TRUE(first.wait_for_video(10));
  SourceRun second(config);
  ASSERT_TRUE(second.wait_for_video(25)) << second.stop().status.error().message;
  EXPECT_TRUE(second.stop().status);
  const size_t before = first.packets().size();
  ASSERT_TRUE(first.wait_for_video(test::of_track(first.packets(), vedette::Track::video).size() + 25));
  EXPECT_TRUE(first.stop().status);
  EXPECT_GT(first.packets().size(), before);
  const auto video = test::of_track(first.packets(), vedette::Track::video);
  for (size_t i = 1; i < video.size(); ++i) EXPECT_EQ(video[i].lost_before, 0u) << i;
}

}  // namespace
}  // namespace vedette::rtsp
