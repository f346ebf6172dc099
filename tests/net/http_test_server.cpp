#include "tests/net/http_test_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>

#include "tests/support/paths.h"
#include "tests/support/ports.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{20000};
constexpr int kClientLimitMs = 20000;

std::vector<std::string> command(uint16_t port, const std::vector<std::string>& more) {
  std::vector<std::string> argv = {"python3", VEDETTE_SOURCE_DIR "/tests/net/http_server.py", std::to_string(port)};
  argv.insert(argv.end(), more.begin(), more.end());
  return argv;
}

ProcessOptions tls_options(bool old_tls) {
  ProcessOptions options;
  if (old_tls) options.env["TLS_MOST"] = "1.1";
  return options;
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

HttpTestServer::HttpTestServer() : HttpTestServer(std::vector<std::string>{}, {}) {}

HttpTestServer::HttpTestServer(const std::filesystem::path& cert, const std::filesystem::path& key, bool old_tls)
    : HttpTestServer({cert.string(), key.string()}, tls_options(old_tls)) {}

HttpTestServer::HttpTestServer(std::vector<std::string> more, ProcessOptions options)
    : port_(free_port()), scheme_(more.empty() ? "http" : "https"), process_(command(port_, more), std::move(options)) {
  if (!process_.wait_for_output("ready", kStartLimit))
    throw std::runtime_error("the test server does not start: " + process_.output());
}

std::string HttpTestServer::url(const std::string& path, const std::string& host) const {
  return scheme_ + "://" + host + ":" + std::to_string(port_) + path;
}

SilentListener::SilentListener(int backlog) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(socket_.get(), backlog) != 0 ||
      getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen");
  port_ = ntohs(address.sin_port);
}

bool SilentListener::has_client() const {
  pollfd entry{socket_.get(), POLLIN, 0};
  return poll(&entry, 1, kClientLimitMs) == 1;
}

bool SilentListener::hears_client() {
  if (!has_client()) return false;
  client_ = Fd(accept(socket_.get(), nullptr, nullptr));
  pollfd entry{client_.get(), POLLIN, 0};
  return poll(&entry, 1, kClientLimitMs) == 1;
}

FullListener::FullListener() : SilentListener(0) {
  const sockaddr_in address = loopback(port_);
  for (int i = 0; i < 3; ++i) {  // a queue of 0 still holds one or two
    clients_.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    connect(clients_.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
}

}  // namespace vedette::test
