#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace vedette::rtsp {

// Address is an IPv4 or IPv6 address with a port, as sockets take it.
class Address {
 public:
  // Of a socket that is connected: ours, and the other side's.
  static std::optional<Address> local_of(int socket);
  static std::optional<Address> peer_of(int socket);
  // "10.0.0.5", "fe80::1"; nothing for what is no number.
  static std::optional<Address> numeric(std::string_view text, uint16_t port);

  uint16_t port() const;
  Address with_port(uint16_t port) const;
  bool same_host(const Address& other) const;
  bool is_multicast() const;
  // The number of the network interface that has this address; 0: none has.
  unsigned interface() const;
  // IPv6 addresses of the link mean nothing without an interface.
  Address with_scope(unsigned interface) const;
  int family() const { return any_.sin6_family; }

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&any_); }
  socklen_t size() const { return size_of(family()); }
  static constexpr socklen_t size_of(int family) {
    return family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  }
  // To be filled by the kernel.
  sockaddr* room() { return reinterpret_cast<sockaddr*>(&any_); }
  static constexpr socklen_t kRoomBytes = sizeof(sockaddr_in6);

 private:
  sockaddr_in6 any_{};  // the larger of the two; both begin with the family and the port
};

}  // namespace vedette::rtsp
