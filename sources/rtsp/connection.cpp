#include "sources/rtsp/connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/resolve.h"

namespace vedette::rtsp {

namespace {

constexpr microseconds kStopCheck = 50ms;
// What to look at when nobody answers.
constexpr std::string_view kLookAt = " (is the camera on, and are address, port and network right?)";

struct FreeAddress {
  void operator()(addrinfo* p) const { freeaddrinfo(p); }
};
using AddressPtr = std::unique_ptr<addrinfo, FreeAddress>;

AddressPtr numeric_address(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return nullptr;
  return AddressPtr(found);
}

tl::unexpected<Error> lost(std::string_view doing, int error) {
  return fail(Code::camera_unavailable, std::string(doing) + ": " + std::generic_category().message(error));
}

tl::unexpected<Error> not_reached(int error) {
  return fail(Code::camera_unavailable, "connecting: " + std::generic_category().message(error) + std::string(kLookAt));
}

Status finish_connecting(int fd, MonoTime deadline, const std::stop_token& stop) {
  if (auto ready = wait_until_ready(fd, POLLOUT, "connecting", deadline, stop); !ready) return ready;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? Status() : Status(not_reached(error));
}

class TcpConnection : public Connection {
 public:
  explicit TcpConnection(Fd fd) : fd_(std::move(fd)) {}
  int fd() const override { return fd_.get(); }

  Result<size_t> receive_now(std::span<uint8_t> into) override {
    for (;;) {
      const ssize_t got = recv(fd_.get(), into.data(), into.size(), MSG_DONTWAIT);
      if (got > 0) return static_cast<size_t>(got);
      if (got == 0) return fail(Code::camera_unavailable, "the camera ended the stream");
      if (errno == EAGAIN) return size_t{0};
      if (errno != EINTR) return lost("receiving", errno);
    }
  }

  Result<size_t> send_some(std::span<const uint8_t> bytes) override {
    for (;;) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) return static_cast<size_t>(sent);
      if (errno == EAGAIN) return size_t{0};
      if (errno != EINTR) return lost("sending", errno);
    }
  }

 private:
  const Fd fd_;
};

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

Status wait_until_ready(int fd, short events, std::string_view doing, MonoTime deadline, const std::stop_token& stop) {
  for (;;) {
    if (stop.stop_requested()) return fail(Code::cancelled, std::string(doing) + ": stopped");
    const microseconds left = deadline - Clock::system().mono();
    if (left <= 0us) return fail(Code::timed_out, std::string(doing) + ": no answer in time" + std::string(kLookAt));
    pollfd entry{fd, events, 0};
    const auto most_ms = static_cast<int>(to_ms(std::min(left, kStopCheck)) + 1);
    if (poll(&entry, 1, most_ms) > 0) return {};
  }
}

Result<std::unique_ptr<Connection>> connect_tcp(const std::string& host, uint16_t port, MonoTime deadline,
                                                const std::stop_token& stop) {
  const auto known = resolve(host, deadline, [&] { return stop.stop_requested(); });
  if (!known) return known.error_as_is();
  Status last = fail(Code::camera_unavailable, "connecting: " + host + " has no address");
  size_t left = known->addresses.size();
  for (const std::string& text : known->addresses) {
    const AddressPtr address = numeric_address(text, port);
    const MonoTime now = Clock::system().mono();
    // Whoever comes last has all the time that is left.
    const MonoTime until = now + (deadline - now) / static_cast<int64_t>(left--);
    if (!address) continue;
    Fd fd(socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd) return fail_errno("socket");
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd.get(), address->ai_addr, address->ai_addrlen) == 0) return connection_over(std::move(fd));
    last = errno == EINPROGRESS ? finish_connecting(fd.get(), until, stop) : Status(not_reached(errno));
    if (last) return connection_over(std::move(fd));
    if (last.error().code == Code::cancelled) break;
  }
  return last.error_as_is();
}

std::unique_ptr<Connection> connection_over(Fd socket) {
  return std::make_unique<TcpConnection>(std::move(socket));
}

Status Connection::send(std::string_view bytes, MonoTime deadline, const std::stop_token& stop) {
  while (!bytes.empty()) {
    const auto sent = send_some(bytes_of(bytes));
    if (!sent) return sent.error_as_is();
    bytes.remove_prefix(*sent);
    if (*sent > 0) continue;
    if (auto ready = wait_until_ready(fd(), POLLOUT, "sending", deadline, stop); !ready) return ready;
  }
  return {};
}

Result<size_t> Connection::receive(std::span<uint8_t> into, MonoTime deadline, const std::stop_token& stop) {
  for (;;) {
    auto got = receive_now(into);
    if (!got || *got > 0) return got;
    if (auto ready = wait_until_ready(fd(), POLLIN, "waiting for the camera", deadline, stop); !ready)
      return ready.error_as_is();
  }
}

Status Connection::send_now(std::span<const uint8_t> bytes) {
  const auto sent = send_some(bytes);
  if (!sent) return sent.error_as_is();
  if (*sent == bytes.size()) return {};
  return fail(Code::camera_unavailable, "the camera takes nothing any more");
}

Status Connection::send_now(std::string_view bytes) {
  return send_now(bytes_of(bytes));
}

}  // namespace vedette::rtsp
