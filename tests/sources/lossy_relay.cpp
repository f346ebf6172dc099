#include "tests/sources/lossy_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <random>
#include <stdexcept>

namespace vedette::test {

namespace {

constexpr int kStopCheckMs = 20;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

Fd udp_socket() {
  Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(0);
  const int room = 4 * 1024 * 1024;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("no relay");
  return fd;
}

}  // namespace

LossyRelay::LossyRelay(uint16_t server_port, double loss)
    : server_port_(server_port), loss_(loss), to_client_(udp_socket()), to_server_(udp_socket()) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(to_client_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LossyRelay::run(const std::stop_token& stop) {
  std::mt19937 random(1);
  std::bernoulli_distribution lose(loss_);
  sockaddr_in client{};
  const sockaddr_in server = loopback(server_port_);
  std::array<char, 65536> buffer;
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> entries = {pollfd{to_client_.get(), POLLIN, 0}, pollfd{to_server_.get(), POLLIN, 0}};
    if (poll(entries.data(), entries.size(), kStopCheckMs) <= 0) continue;
    for (const pollfd& entry : entries) {
      if (entry.revents == 0) continue;
      const bool from_client = entry.fd == to_client_.get();
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t got =
          recvfrom(entry.fd, buffer.data(), buffer.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size);
      if (got <= 0) continue;
      if (from_client) client = from;
      if (lose(random)) {
        ++lost_;
        continue;
      }
      const sockaddr_in& to = from_client ? server : client;
      (void)!sendto(from_client ? to_server_.get() : to_client_.get(), buffer.data(), static_cast<size_t>(got), 0,
                    reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
  }
}

}  // namespace vedette::test
