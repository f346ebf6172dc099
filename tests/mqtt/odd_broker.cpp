#include "tests/mqtt/odd_broker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/thread.h"

namespace vedette::test {

namespace {

constexpr int kLookAgainMs = 20;
constexpr int kFillers = 8;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// The answer to one packet that came whole in one read, as small packets on loopback do; empty: none.
std::string answer(std::string_view packet) {
  if (packet.size() < 2) return {};
  switch (static_cast<uint8_t>(packet[0]) & 0xf0) {
    case 0x10:  // CONNECT -> CONNACK without properties
      return {'\x20', '\x03', '\x00', '\x00', '\x00'};
    case 0x80:  // SUBSCRIBE -> SUBACK, its id, granted QoS 1
      return {'\x90', '\x04', packet[2], packet[3], '\x00', '\x01'};
    case 0xc0:  // PINGREQ -> PINGRESP
      return {'\xd0', '\x00'};
    default:
      return {};
  }
}

// CONNACK with 0x9d and the property 0x1c (MQTT 5, 3.2.2.3.16); for references below 100 characters.
std::string moved(const std::string& reference) {
  const auto size = static_cast<char>(reference.size());
  const auto with = [&](int more) { return static_cast<char>(size + more); };
  return std::string{'\x20', with(6), '\x00', '\x9d', with(3), '\x1c', '\x00', size} + reference;
}

}  // namespace

OddBroker::OddBroker(Manner manner, std::string reference)
    : manner_(manner), reference_(std::move(reference)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_.get(), manner == Manner::full_backlog ? 0 : SOMAXCONN) != 0 ||
      getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no socket to listen on");
  port_ = ntohs(address.sin_port);
  if (manner == Manner::full_backlog)
    fill_backlog();
  else
    thread_ = start_thread("odd_broker", [this](const std::stop_token& stop) { serve(stop); });
}

OddBroker::~OddBroker() = default;

std::string OddBroker::url(const std::string& scheme) const {
  return scheme + "://127.0.0.1:" + std::to_string(port_);
}

void OddBroker::fill_backlog() {
  const sockaddr_in address = loopback(port_);
  for (int i = 0; i < kFillers; ++i) {
    Fd filler(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    static_cast<void>(connect(filler.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
    connections_.push_back(std::move(filler));
  }
}

void OddBroker::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> entries{{listener_.get(), POLLIN, 0}};
    for (const Fd& connection : connections_) entries.push_back({connection.get(), POLLIN, 0});
    if (poll(entries.data(), entries.size(), kLookAgainMs) <= 0) continue;
    for (size_t i = entries.size() - 1; i > 0; --i) {
      if (!entries[i].revents) continue;
      std::array<char, 65536> buffer;
      const ssize_t got = recv(entries[i].fd, buffer.data(), buffer.size(), 0);
      const std::string out = got > 0 && manner_ == Manner::moves ? moved(reference_)
                              : got <= 0 || manner_ == Manner::silent
                                  ? ""
                                  : answer({buffer.data(), static_cast<size_t>(got)});
      if (!out.empty()) static_cast<void>(send(entries[i].fd, out.data(), out.size(), MSG_NOSIGNAL));
      if (got <= 0 || manner_ == Manner::drops || manner_ == Manner::moves)
        connections_.erase(connections_.begin() + static_cast<long>(i) - 1);
    }
    if (!entries[0].revents) continue;
    connections_.emplace_back(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ++accepted_;
  }
}

}  // namespace vedette::test
