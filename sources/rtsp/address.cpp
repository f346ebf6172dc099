#include "sources/rtsp/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <cstring>
#include <memory>
#include <string>

namespace vedette::rtsp {

namespace {

template <class Kind>
const Kind& as(const sockaddr_in6& any) {
  return reinterpret_cast<const Kind&>(any);
}

}  // namespace

std::optional<Address> Address::local_of(int socket) {
  Address out;
  socklen_t size = kRoomBytes;
  if (getsockname(socket, out.room(), &size) != 0 || (out.family() != AF_INET && out.family() != AF_INET6))
    return std::nullopt;
  return out;
}

std::optional<Address> Address::peer_of(int socket) {
  Address out;
  socklen_t size = kRoomBytes;
  if (getpeername(socket, out.room(), &size) != 0 || (out.family() != AF_INET && out.family() != AF_INET6))
    return std::nullopt;
  return out;
}

std::optional<Address> Address::numeric(std::string_view text, uint16_t port) {
  const std::string host(text);
  Address out;
  if (inet_pton(AF_INET6, host.c_str(), &out.any_.sin6_addr) == 1) {
    out.any_.sin6_family = AF_INET6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return std::nullopt;
    std::memcpy(&out.any_, &v4, sizeof v4);
  }
  return out.with_port(port);
}

uint16_t Address::port() const {
  return ntohs(any_.sin6_port);
}

Address Address::with_port(uint16_t port) const {
  Address out = *this;
  out.any_.sin6_port = htons(port);
  return out;
}

bool Address::same_host(const Address& other) const {
  if (family() != other.family()) return false;
  if (family() == AF_INET) return as<sockaddr_in>(any_).sin_addr.s_addr == as<sockaddr_in>(other.any_).sin_addr.s_addr;
  return std::memcmp(&any_.sin6_addr, &other.any_.sin6_addr, sizeof any_.sin6_addr) == 0;
}

bool Address::is_multicast() const {
  if (family() == AF_INET) return IN_MULTICAST(ntohl(as<sockaddr_in>(any_).sin_addr.s_addr));
  return IN6_IS_ADDR_MULTICAST(&any_.sin6_addr);
}

unsigned Address::interface() const {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return 0;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(first, &freeifaddrs);
  for (const ifaddrs* one = first; one; one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != family()) continue;
    Address its;
    std::memcpy(its.room(), one->ifa_addr, its.size_of(family()));
    if (same_host(its)) return if_nametoindex(one->ifa_name);
  }
  return 0;
}

Address Address::with_scope(unsigned interface) const {
  Address out = *this;
  if (family() == AF_INET6) out.any_.sin6_scope_id = interface;
  return out;
}

}  // namespace vedette::rtsp
