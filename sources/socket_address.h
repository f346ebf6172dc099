#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace vedette {

// An address that is a number already ("10.0.0.5", "fe80::1%eth0"), and a port, as the system takes them. Asks nobody.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
std::optional<SocketAddress> socket_address(const std::string& address, uint16_t port);

}  // namespace vedette
