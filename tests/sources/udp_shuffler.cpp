#include "tests/sources/udp_shuffler.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace vedette::test {

namespace {

constexpr int kStopCheckMs = 20;
constexpr int kLateFor = 3;
constexpr milliseconds kMostLate{30};

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

Fd bound(int type, uint16_t port) {
  Fd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  const int room = 4 * 1024 * 1024;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return Fd();
  return fd;
}

uint16_t port_of(const Fd& fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

// An even port and the next one.
std::pair<Fd, Fd> pair_of_ports() {
  for (int i = 0; i < 100; ++i) {
    Fd first = bound(SOCK_DGRAM, 0);
    if (port_of(first) % 2 != 0) continue;
    Fd second = bound(SOCK_DGRAM, static_cast<uint16_t>(port_of(first) + 1));
    if (second) return {std::move(first), std::move(second)};
  }
  throw std::runtime_error("no pair of ports");
}

std::string receive(const Fd& fd) {
  std::array<char, 65536> buffer;
  const ssize_t got = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  return got > 0 ? std::string(buffer.data(), static_cast<size_t>(got)) : std::string();
}

void send(const Fd& fd, const std::string& bytes, uint16_t port) {
  const sockaddr_in address = loopback(port);
  (void)!sendto(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                sizeof address);
}

bool is_nth(int count, int n) {
  return n > 0 && count % n == n - 1;
}

// Puts a pair of ports behind "name=" and returns what stood there.
std::pair<uint16_t, uint16_t> exchange_ports(std::string& text, const std::string& name, uint16_t first,
                                             uint16_t second) {
  const size_t begin = text.find(name + "=") + name.size() + 1;
  const size_t end = text.find_first_not_of("0123456789-", begin);
  const std::string old = text.substr(begin, end - begin);
  text.replace(begin, end - begin, std::to_string(first) + "-" + std::to_string(second));
  return {static_cast<uint16_t>(std::stoi(old)), static_cast<uint16_t>(std::stoi(old.substr(old.find('-') + 1)))};
}

}  // namespace

UdpShuffler::UdpShuffler(uint16_t server_port, Mischief mischief)
    : server_port_(server_port),
      mischief_(mischief),
      swallow_(mischief.swallow),
      listener_(bound(SOCK_STREAM, 0)),
      forger_(bound(SOCK_DGRAM, 0)) {
  if (listen(listener_.get(), 5) != 0) throw std::runtime_error("no shuffler");
  port_ = port_of(listener_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

UdpShuffler::~UdpShuffler() = default;

void UdpShuffler::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd entry{listener_.get(), POLLIN, 0};
    if (poll(&entry, 1, kStopCheckMs) <= 0) continue;
    const Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ++connections_;
    serve(client.get(), stop);
    ways_.clear();
  }
}

void UdpShuffler::serve(int client, const std::stop_token& stop) {
  const Fd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(server_port_);
  if (connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  std::array<char, 65536> buffer;
  while (!stop.stop_requested()) {
    std::vector<pollfd> entries = {{client, POLLIN, 0}, {server.get(), POLLIN, 0}};
    for (const Way& way : ways_) {
      entries.push_back({way.to_client.get(), POLLIN, 0});
      entries.push_back({way.to_server.get(), POLLIN, 0});
    }
    const size_t ways = ways_.size();
    if (poll(entries.data(), entries.size(), wait_ms()) < 0) continue;
    for (Way& way : ways_) {
      pass_late(way);
      arrive(way);
    }
    for (int side = 0; side < 2; ++side) {
      if (entries[static_cast<size_t>(side)].revents == 0) continue;
      const ssize_t got = recv(side == 0 ? client : server.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) return;
      std::string text(buffer.data(), static_cast<size_t>(got));
      text = side == 0 ? with_our_client_ports(std::move(text)) : with_our_server_ports(std::move(text));
      if (::send(side == 0 ? server.get() : client, text.data(), text.size(), MSG_NOSIGNAL) < 0) return;
    }
    for (size_t i = 0; i < ways; ++i) {
      if (entries[2 + 2 * i].revents != 0) from_client(ways_[i]);
      if (entries[3 + 2 * i].revents != 0) from_server(ways_[i]);
    }
  }
}

std::string UdpShuffler::with_our_client_ports(std::string request) {
  if (request.find("client_port=") == std::string::npos) return request;
  ++udp_set_ups_;
  auto towards_client = pair_of_ports();
  auto towards_server = pair_of_ports();
  const auto theirs =
      exchange_ports(request, "client_port", port_of(towards_server.first), port_of(towards_server.second));
  ways_.push_back({std::move(towards_client.first), std::move(towards_server.first), theirs.first, 0, true});
  ways_.push_back({std::move(towards_client.second), std::move(towards_server.second), theirs.second, 0, false});
  return request;
}

std::string UdpShuffler::with_our_server_ports(std::string answer) {
  if (answer.find("server_port=") == std::string::npos) return answer;
  Way& rtp = ways_[ways_.size() - 2];
  Way& rtcp = ways_.back();
  exchange_ports(answer, "client_port", rtp.client_port, rtcp.client_port);
  std::tie(rtp.server_port, rtcp.server_port) =
      exchange_ports(answer, "server_port", port_of(rtp.to_client), port_of(rtcp.to_client));
  return answer;
}

void UdpShuffler::from_client(Way& way) {
  const std::string packet = receive(way.to_client);
  if (!way.rtp) ++client_reports_;
  if (way.server_port != 0) send(way.to_server, packet, way.server_port);
}

void UdpShuffler::from_server(Way& way) {
  const std::string packet = receive(way.to_server);
  if (packet.empty() || swallow_) return;
  if (!way.rtp) return pass(way, packet);
  const int count = way.count++;
  if (way.late.empty() && is_nth(count, mischief_.send_late)) {
    way.late = packet;
    way.late_for = kLateFor;
    way.late_until = Clock::system().mono() + kMostLate;
    return;
  }
  if (is_nth(count, mischief_.lose))
    ++lost_;
  else
    pass(way, packet);
  if (is_nth(count, mischief_.send_twice)) pass(way, packet);
  if (is_nth(count, mischief_.forge)) {
    std::string forged = packet;
    if (++forged[3] == 0) ++forged[2];  // the sequence number
    forged.back() = static_cast<char>(~forged.back());
    send(forger_, forged, way.client_port);
  }
  --way.late_for;
  pass_late(way);
}

void UdpShuffler::pass_late(Way& way) {
  if (!way.late.empty() && (way.late_for <= 0 || Clock::system().mono() >= way.late_until))
    pass(way, std::exchange(way.late, {}));
}

void UdpShuffler::pass(Way& way, const std::string& packet) {
  if (mischief_.delay == 0ms || !way.rtp) return send(way.to_client, packet, way.client_port);
  std::uniform_int_distribution<int64_t> by(-microseconds(mischief_.spread).count(),
                                            microseconds(mischief_.spread).count());
  way.under_way.emplace(Clock::system().mono() + mischief_.delay + microseconds(by(random_)), packet);
}

void UdpShuffler::arrive(Way& way) {
  while (!way.under_way.empty()) {
    const microseconds overdue = Clock::system().mono() - way.under_way.begin()->first;
    if (overdue < 0us) return;
    overdue_us_ = std::max<int64_t>(overdue_us_, overdue.count());
    send(way.to_client, way.under_way.begin()->second, way.client_port);
    way.under_way.erase(way.under_way.begin());
  }
}

int UdpShuffler::wait_ms() const {
  const auto moving = [](const Way& way) { return !way.under_way.empty(); };
  return std::any_of(ways_.begin(), ways_.end(), moving) ? 1 : kStopCheckMs;
}

}  // namespace vedette::test
