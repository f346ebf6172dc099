#include "tests/media/canned_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "core/thread.h"

namespace vedette::test {

namespace {

constexpr int kStopCheckMs = 20;

std::string cseq_of(std::string_view request) {
  constexpr std::string_view kHeader = "CSeq: ";
  const size_t begin = request.find(kHeader);
  if (begin == std::string_view::npos) return "0";
  return std::string(request.substr(begin + kHeader.size(), request.find('\r', begin) - begin - kHeader.size()));
}

std::string filled_in(std::string answer, const std::string& cseq) {
  constexpr std::string_view kField = "{CSeq}";
  const size_t at = answer.find(kField);
  return at == std::string::npos ? answer : answer.replace(at, kField.size(), cseq);
}

bool readable(int fd) {
  pollfd poll_fd{fd, POLLIN, 0};
  return poll(&poll_fd, 1, kStopCheckMs) > 0;
}

}  // namespace

CannedServer::CannedServer(std::string answer)
    : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_.get(), generic, size) != 0 || listen(listener_.get(), SOMAXCONN) != 0 ||
      getsockname(listener_.get(), generic, &size) != 0)
    throw std::runtime_error("no loopback port");
  port_ = ntohs(address.sin_port);
  thread_ = start_thread("canned-server", [this](const std::stop_token& stop) { serve(stop); });
}

std::string CannedServer::url(const std::string& scheme) const {
  return scheme + "://127.0.0.1:" + std::to_string(port_) + "/stream";
}

void CannedServer::serve(const std::stop_token& stop) {
  struct Connection {
    Fd fd;
    std::string request;
  };
  std::vector<Connection> connections;
  while (!stop.stop_requested()) {
    if (readable(listener_.get()))
      connections.push_back({Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)), {}});
    for (Connection& connection : connections) {
      std::array<char, 4096> bytes{};
      const ssize_t count = recv(connection.fd.get(), bytes.data(), bytes.size(), 0);
      if (count > 0) connection.request.append(bytes.data(), static_cast<size_t>(count));
      const size_t end = connection.request.find("\r\n\r\n");
      if (answer_.empty() || end == std::string::npos) continue;
      const std::string answer = filled_in(answer_, cseq_of(connection.request));
      connection.request.erase(0, end + 4);
      (void)!send(connection.fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }
}

}  // namespace vedette::test
