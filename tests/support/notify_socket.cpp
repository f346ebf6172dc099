#include "tests/support/notify_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <stdexcept>

namespace vedette::test {

NotifySocket::NotifySocket() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string where = path();
  if (where.size() >= sizeof address.sun_path) throw std::runtime_error("too long a path: " + where);
  std::memcpy(address.sun_path, where.data(), where.size());
  if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot listen on " + where);
}

std::optional<std::string> NotifySocket::next(milliseconds limit) {
  pollfd wanted{fd_.get(), POLLIN, 0};
  if (poll(&wanted, 1, static_cast<int>(limit.count())) != 1) return std::nullopt;
  char buffer[4096];
  const ssize_t n = recv(fd_.get(), buffer, sizeof buffer, 0);
  if (n < 0) return std::nullopt;
  return std::string(buffer, static_cast<size_t>(n));
}

std::optional<std::string> NotifySocket::wait_for(const std::string& text, milliseconds limit) {
  const MonoTime deadline = Clock::system().mono() + limit;
  for (MonoTime now = Clock::system().mono(); now < deadline; now = Clock::system().mono())
    if (auto got = next(std::chrono::ceil<milliseconds>(deadline - now)); got && got->find(text) != std::string::npos)
      return got;
  return std::nullopt;
}

void NotifySocket::drain() {
  while (next(milliseconds(0))) {
  }
}

}  // namespace vedette::test
