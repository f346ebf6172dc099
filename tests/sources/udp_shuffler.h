#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/file.h"

namespace vedette::test {

// UdpShuffler stands between a client and an RTSP server on a loopback port, puts its own ports into what they agree on
// for UDP, and does with the server's RTP packets what networks do. One connection at a time.
class UdpShuffler {
 public:
  // Of the RTP packets of each track, each n-th; 0: none.
  struct Mischief {
    int lose = 0;
    int send_twice = 0;
    int send_late = 0;     // behind the three that follow, or 30 ms, whichever is less
    int forge = 0;         // followed by one in the same name, with the next number, from another port
    bool swallow = false;  // everything
    // Each is under way for so long, more or less by as much as this at random: many overtake each other.
    milliseconds delay{0};
    milliseconds spread{0};
  };

  UdpShuffler(uint16_t server_port, Mischief mischief);
  ~UdpShuffler();

  uint16_t port() const { return port_; }
  // From now on.
  void swallow(bool everything) { swallow_ = everything; }
  size_t lost() const { return lost_; }
  // By how much a packet was further delayed than it should have been, at most: by a machine that is busy.
  microseconds overdue() const { return microseconds(overdue_us_); }
  size_t connections() const { return connections_; }
  size_t udp_set_ups() const { return udp_set_ups_; }
  // What the client sent to the server's RTCP ports.
  size_t client_reports() const { return client_reports_; }

 private:
  // One socket pair of each side: RTP or RTCP of one track.
  struct Way {
    Fd to_client;
    Fd to_server;
    uint16_t client_port = 0;
    uint16_t server_port = 0;
    bool rtp = false;
    int count = 0;
    std::string late{};
    int late_for = 0;
    MonoTime late_until{};
    std::multimap<MonoTime, std::string> under_way{};  // by when they arrive
  };
  void run(const std::stop_token& stop);
  void serve(int client, const std::stop_token& stop);
  std::string with_our_client_ports(std::string request);
  std::string with_our_server_ports(std::string answer);
  void from_server(Way& way);
  void from_client(Way& way);
  void pass_late(Way& way);
  void pass(Way& way, const std::string& packet);
  void arrive(Way& way);
  int wait_ms() const;

  const uint16_t server_port_;
  const Mischief mischief_;
  std::atomic<bool> swallow_;
  std::atomic<size_t> lost_{0}, connections_{0}, udp_set_ups_{0}, client_reports_{0};
  std::atomic<int64_t> overdue_us_{0};
  Fd listener_;
  Fd forger_;
  uint16_t port_ = 0;
  std::vector<Way> ways_;
  std::minstd_rand random_{1};
  std::jthread thread_;
};

}  // namespace vedette::test
