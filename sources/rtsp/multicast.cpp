#include "sources/rtsp/multicast.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

namespace vedette::rtsp {

namespace {

// Not in the headers of Debian 12's libc.
constexpr int kIpv6MulticastAll = 29;

tl::unexpected<Error> refused_by_kernel(std::string_view doing) {
  return fail(Code::camera_unavailable,
              "multicast: " + std::string(doing) + ": " + std::generic_category().message(errno));
}

template <class Value>
bool set(int fd, int level, int option, const Value& value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

bool join(int fd, int level, unsigned interface, const Address& group, const Address& sender) {
  group_source_req by_source{};
  by_source.gsr_interface = interface;
  std::memcpy(&by_source.gsr_group, group.get(), group.size());
  std::memcpy(&by_source.gsr_source, sender.get(), sender.size());
  if (set(fd, level, MCAST_JOIN_SOURCE_GROUP, by_source)) return true;
  group_req any_source{};
  any_source.gr_interface = interface;
  std::memcpy(&any_source.gr_group, group.get(), group.size());
  return set(fd, level, MCAST_JOIN_GROUP, any_source);
}

// Our reports go where the media come from.
bool send_by(int fd, bool ipv4, unsigned interface, const Address& local, int ttl) {
  if (!ipv4)
    return set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface)) &&
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl);
  ip_mreqn by{};
  by.imr_ifindex = static_cast<int>(interface);
  std::memcpy(&by.imr_address, &reinterpret_cast<const sockaddr_in*>(local.get())->sin_addr, sizeof by.imr_address);
  return set(fd, IPPROTO_IP, IP_MULTICAST_IF, by) && set(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl);
}

}  // namespace

Result<Fd> join_group(const Address& group, const Address& sender, const Address& local, int ttl) {
  const unsigned interface = local.interface();
  if (interface == 0) return fail(Code::camera_unavailable, "multicast: no interface has our address any more");
  const bool ipv4 = group.family() == AF_INET;
  const int level = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
  Fd fd(socket(group.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("socket");
  if (!set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1)) return refused_by_kernel("SO_REUSEADDR");
  // Else it would hear what others on this machine asked for.
  (void)set(fd.get(), level, ipv4 ? IP_MULTICAST_ALL : kIpv6MulticastAll, 0);
  const Address there = group.with_scope(interface);
  if (bind(fd.get(), there.get(), there.size()) != 0)
    return refused_by_kernel("UDP port " + std::to_string(group.port()));
  if (!send_by(fd.get(), ipv4, interface, local, ttl)) return refused_by_kernel("the interface");
  if (!join(fd.get(), level, interface, group.with_port(0), sender.with_port(0)))
    return refused_by_kernel("joining the group");
  return fd;
}

}  // namespace vedette::rtsp
