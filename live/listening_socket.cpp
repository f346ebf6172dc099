#include "live/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace vedette {

namespace {

constexpr int kBacklog = 64;
constexpr mode_t kSocketMode = 0660;

sockaddr_un unix_address(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  return address;
}

template <class Address>
const sockaddr* as_sockaddr(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Makes room at the path.
Status remove_stale(const std::filesystem::path& path) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0)
    return errno == ENOENT ? Status() : Status(fail_errno("look at " + path.string()));
  if (!S_ISSOCK(found.st_mode)) return fail(Code::already_exists, path.string() + " is there, and no socket");
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_un address = unix_address(path);
  const bool refused = connect(probe.get(), as_sockaddr(address), sizeof address) != 0 && errno == ECONNREFUSED;
  if (!refused) return fail(Code::already_exists, path.string() + " belongs to a process that runs");
  return file::remove(path);
}

Result<LoopbackAddress> v4(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  constexpr uint32_t kLoopbackNetwork = 127;
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    return fail(Code::invalid_argument, "must be 127.0.0.1:PORT or [::1]:PORT");
  if (ntohl(address.sin_addr.s_addr) >> 24 != kLoopbackNetwork)
    return fail(Code::invalid_argument, "must be an address of this machine's loopback: frames travel unencrypted");
  LoopbackAddress out;
  std::memcpy(&out.storage, &address, sizeof address);
  out.size = sizeof address;
  return out;
}

Result<LoopbackAddress> v6(const std::string& host, uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  if (inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1)
    return fail(Code::invalid_argument, "must be 127.0.0.1:PORT or [::1]:PORT");
  if (!IN6_IS_ADDR_LOOPBACK(&address.sin6_addr))
    return fail(Code::invalid_argument, "must be an address of this machine's loopback: frames travel unencrypted");
  LoopbackAddress out;
  std::memcpy(&out.storage, &address, sizeof address);
  out.size = sizeof address;
  return out;
}

}  // namespace

Result<LoopbackAddress> loopback_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  uint16_t port = 0;
  const std::string_view digits = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || port == 0)
    return fail(Code::invalid_argument, "must end with a port, 1 to 65535");
  const std::string host(text.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) return v6(host.substr(1, host.size() - 2), port);
  return v4(host, port);
}

Status check_socket_path(const std::filesystem::path& path) {
  constexpr size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
  if (!path.is_absolute()) return fail(Code::invalid_argument, "must be an absolute path");
  if (path.native().size() > kMost)
    return fail(Code::invalid_argument, "is longer than a socket's path can be (" + std::to_string(kMost) + " bytes)");
  return {};
}

Result<Fd> listen_on_unix(const std::filesystem::path& path) {
  if (auto good = check_socket_path(path); !good) return good.error_as_is();
  if (auto removed = remove_stale(path); !removed) return removed.error_as_is();
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("socket");
  // The file is made with the mode that the socket has by then, less the umask; what that took away comes after.
  const sockaddr_un address = unix_address(path);
  if (fchmod(fd.get(), kSocketMode) != 0 || bind(fd.get(), as_sockaddr(address), sizeof address) != 0 ||
      chmod(path.c_str(), kSocketMode) != 0 || listen(fd.get(), kBacklog) != 0)
    return fail_errno("listen on " + path.string());
  return fd;
}

Result<Fd> listen_on_tcp(const std::string& text) {
  const auto address = loopback_address(text);
  if (!address) return address.error_with(text);
  Fd fd(socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), as_sockaddr(address->storage), address->size) != 0 || listen(fd.get(), kBacklog) != 0)
    return fail_errno("listen on " + text);
  return fd;
}

}  // namespace vedette
