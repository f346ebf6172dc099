#include "tests/support/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>

#include "core/file.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

// Linux takes the ports of outgoing connections from 32768 on (ip_local_port_range).
constexpr int kLowest = 20000;
constexpr int kHighest = 32700;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool is_free(int port) {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

uint16_t free_port() {
  return free_ports(1);
}

uint16_t free_ports(int count) {
  static std::mutex mutex;
  static std::set<int> given;
  const std::lock_guard lock(mutex);
  std::uniform_int_distribution<int> draw(kLowest, kHighest - count);
  std::random_device random;
  for (int tries = 0; tries < 1000; ++tries) {
    const int first = draw(random);
    std::vector<int> ports(static_cast<size_t>(count));
    std::generate(ports.begin(), ports.end(), [next = first]() mutable { return next++; });
    if (!std::all_of(ports.begin(), ports.end(), [](int p) { return !given.count(p) && is_free(p); })) continue;
    given.insert(ports.begin(), ports.end());
    return static_cast<uint16_t>(first);
  }
  throw std::runtime_error("no free ports");
}

bool accepts_connections(uint16_t port) {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void wait_for_port(uint16_t port, milliseconds limit) {
  if (!eventually(limit, [port] { return accepts_connections(port); }))
    throw std::runtime_error("nobody listens on port " + std::to_string(port));
}

}  // namespace vedette::test
