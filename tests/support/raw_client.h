#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>
#include <string>

#include "core/clock.h"
#include "core/file.h"

namespace vedette::test {

// A connection on which a test says what it likes. Reads end after a limit that only a failing test reaches.
class RawClient {
 public:
  explicit RawClient(uint16_t port, const std::string& from = "127.0.0.1")
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in source = address(from, 0);
    sockaddr_in target = address("127.0.0.1", port);
    if (bind(fd_.get(), reinterpret_cast<sockaddr*>(&source), sizeof source) != 0 ||
        connect(fd_.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) != 0)
      throw std::runtime_error("cannot connect");
  }

  RawClient& send(const std::string& text) {
    size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = ::send(fd_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    return *this;
  }

  // Up to where `end` stands, or the other side closes.
  std::string read_until(const std::string& end) {
    while (text_.find(end) == std::string::npos && more()) {
    }
    const size_t at = text_.find(end);
    std::string out = text_.substr(0, at == std::string::npos ? at : at + end.size());
    text_.erase(0, out.size());
    return out;
  }
  std::string read_to_the_end() {
    while (more()) {
    }
    return std::exchange(text_, {});
  }
  bool closed() const { return closed_; }

 private:
  static sockaddr_in address(const std::string& host, uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    inet_pton(AF_INET, host.c_str(), &out.sin_addr);
    return out;
  }
  bool more() {
    pollfd wanted{fd_.get(), POLLIN, 0};
    char buffer[4096];
    if (poll(&wanted, 1, 30'000) != 1) return false;
    const ssize_t n = recv(fd_.get(), buffer, sizeof buffer, 0);
    closed_ = n <= 0;
    if (closed_) return false;
    text_.append(buffer, static_cast<size_t>(n));
    return true;
  }

  Fd fd_;
  std::string text_;
  bool closed_ = false;
};

}  // namespace vedette::test
