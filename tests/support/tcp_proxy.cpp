#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace vedette::test {

namespace {

constexpr size_t kTruncatedBytes = 20;

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

Fd new_socket(int family = AF_INET) {
  return Fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// Listens on a free port of the loopback, and says on which.
uint16_t listen_somewhere(int fd, bool ipv6) {
  sockaddr_storage address{};
  socklen_t size = sizeof(sockaddr_in);
  if (ipv6) {
    auto& six = reinterpret_cast<sockaddr_in6&>(address);
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    size = sizeof(sockaddr_in6);
  } else {
    reinterpret_cast<sockaddr_in&>(address) = loopback(0);
  }
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, any, size) != 0 || listen(fd, 16) != 0 || getsockname(fd, any, &size) != 0)
    throw std::runtime_error("cannot listen");
  return ntohs(ipv6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                    : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

// What is unread or unsent then is lost to both sides.
void close_by_reset(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool send_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL);
    if (n <= 0) return false;
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

TcpProxy::TcpProxy(const std::string& server, bool ipv6)
    : host_(ipv6 ? "[::1]" : "127.0.0.1"), listener_(new_socket(ipv6 ? AF_INET6 : AF_INET)) {
  scheme_ = server.substr(0, server.find("://") + 3);
  server_port_ = static_cast<uint16_t>(std::stoi(server.substr(server.rfind(':') + 1)));
  port_ = listen_somewhere(listener_.get(), ipv6);
  acceptor_ = std::thread([this] { accept_some(); });
}

TcpProxy::~TcpProxy() {
  stop_ = true;
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  cut_all(false);
  for (Pair& pair : pairs_) {
    pair.up.join();
    pair.down.join();
  }
}

void TcpProxy::accept_some() {
  while (!stop_) {
    Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) return;
    ++connections_;
    if (away_) {
      close_by_reset(client.get());
      continue;
    }
    Fd server = new_socket();
    const sockaddr_in address = loopback(server_port_);
    if (connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) continue;
    const std::lock_guard lock(mutex_);
    Pair& pair = pairs_.emplace_back();
    pair.client = std::move(client);
    pair.server = std::move(server);
    pair.up = std::thread([this, &pair] { pump_up(pair); });
    pair.down = std::thread([this, &pair] { pump_down(pair); });
  }
}

void TcpProxy::pump_up(Pair& pair) {
  char data[16384];
  for (;;) {
    const ssize_t n = ::recv(pair.client.get(), data, sizeof data, 0);
    if (n <= 0) break;
    note_request(pair, {data, static_cast<size_t>(n)});
    if ((bytes_up_ += n) >= reset_at_) {
      reset_at_ = INT64_MAX;
      cut_all(true);
      break;
    }
    if (!send_all(pair.server.get(), data, static_cast<size_t>(n))) break;
  }
  shutdown(pair.server.get(), SHUT_RDWR);
  ended(pair);
}

void TcpProxy::pump_down(Pair& pair) {
  char data[16384];
  for (;;) {
    const ssize_t n = ::recv(pair.server.get(), data, sizeof data, 0);
    if (n <= 0) break;
    const std::string_view text(data, static_cast<size_t>(n));
    // "100 Continue" goes through: what is meant is the answer.
    const bool is_continue = text.starts_with("HTTP/1.1 100");
    if (swallows_ && !is_continue) break;
    if ((bytes_down_ += n) >= away_at_) {
      away_at_ = INT64_MAX;
      set_away(true);
      break;
    }
    if (bytes_up_ >= truncate_at_ && !is_continue) {
      truncate_at_ = INT64_MAX;
      send_all(pair.client.get(), data, std::min<size_t>(text.size(), kTruncatedBytes));
      break;
    }
    if (!is_continue) note_answer(pair, text);
    if (!send_all(pair.client.get(), data, text.size())) break;
  }
  shutdown(pair.client.get(), SHUT_RDWR);
  ended(pair);
}

// A socket that is only shut down sends no reset, and takes what still comes.
void TcpProxy::ended(Pair& pair) {
  if (--pair.pumps > 0) return;
  const std::lock_guard lock(mutex_);
  pair.client.reset();
  pair.server.reset();
}

void TcpProxy::set_away(bool yes) {
  away_ = yes;
  if (yes) cut_all(true);
}

// A client sends a head by itself, and an answer begins with one.
void TcpProxy::note_request(Pair& pair, std::string_view data) {
  const std::string_view line = data.substr(0, data.find("\r\n"));
  const size_t end = line.find(" HTTP/1.1");
  if (end == std::string_view::npos) return;
  const std::lock_guard lock(mutex_);
  exchanges_.push_back({std::string(line.substr(0, end)), 0, std::string(data.substr(0, data.find("\r\n\r\n")))});
  pair.exchange = exchanges_.size();
}

void TcpProxy::note_answer(const Pair& pair, std::string_view data) {
  constexpr std::string_view kHead = "HTTP/1.1 ";
  if (!data.starts_with(kHead)) return;
  const std::lock_guard lock(mutex_);
  if (pair.exchange > 0) exchanges_[pair.exchange - 1].status = std::atoi(data.substr(kHead.size(), 3).data());
}

std::vector<TcpProxy::Exchange> TcpProxy::exchanges() const {
  const std::lock_guard lock(mutex_);
  return exchanges_;
}

void TcpProxy::cut_all(bool by_reset) {
  const std::lock_guard lock(mutex_);
  for (const Pair& pair : pairs_) {
    if (!pair.client) continue;
    if (by_reset) {
      close_by_reset(pair.client.get());
    }
    shutdown(pair.client.get(), SHUT_RDWR);
    shutdown(pair.server.get(), SHUT_RDWR);
  }
}

}  // namespace vedette::test
