#include "sources/onvif/discovery.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "core/file.h"
#include "core/ids.h"

namespace vedette::onvif {

namespace {

constexpr const char* kGroup = "239.255.255.250";  // WS-Discovery, 2.4
constexpr uint16_t kPort = 3702;
constexpr size_t kMostSockets = 64;
constexpr int kMostDatagrams = 4096;
constexpr size_t kMostDatagramBytes = 16 * 1024;
constexpr int kReceiveBufferBytes = 1024 * 1024;  // cameras answer all at once; the kernel gives what it may
constexpr microseconds kLongestPoll = 50ms;
// Datagrams get lost, so all is asked three times, with the same id (SOAP-over-UDP, appendix I).
constexpr std::array<microseconds, 3> kAskedAt = {0us, 150ms, 400ms};

sockaddr_in address_of(in_addr host, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr = host;
  out.sin_port = htons(port);
  return out;
}

std::optional<in_addr> parse_ipv4(const std::string& text) {
  in_addr out{};
  return inet_pton(AF_INET, text.c_str(), &out) == 1 ? std::optional(out) : std::nullopt;
}

std::string text_of(in_addr host) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &host, text, sizeof text);
  return text;
}

Fd udp_socket(in_addr local) {
  Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  const sockaddr_in own = address_of(local, 0);
  if (fd.get() < 0 || bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) return Fd();
  return fd;
}

// A socket for each IPv4 address of this machine, which asks on its interface and is answered there.
std::vector<Fd> multicast_sockets() {
  std::vector<Fd> out;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return out;
  for (const ifaddrs* one = all; one != nullptr && out.size() < kMostSockets; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || (one->ifa_flags & IFF_UP) == 0) continue;
    ip_mreqn interface {};
    interface.imr_address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
    interface.imr_ifindex = static_cast<int>(if_nametoindex(one->ifa_name));
    Fd fd = udp_socket(interface.imr_address);
    if (fd.get() >= 0 && setsockopt(fd.get(), IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface) == 0)
      out.push_back(std::move(fd));
  }
  freeifaddrs(all);
  return out;
}

class Search {
 public:
  Search(std::vector<Fd> sockets, in_addr to) : sockets_(std::move(sockets)), to_(address_of(to, kPort)) {}

  // Whether it went out anywhere.
  bool ask() const {
    bool any = false;
    for (const Fd& fd : sockets_)
      any |= sendto(fd.get(), probe_.data(), probe_.size(), 0, reinterpret_cast<const sockaddr*>(&to_), sizeof to_) ==
             static_cast<ssize_t>(probe_.size());
    return any;
  }

  // Takes what comes within so long; false when no more is to be looked at.
  bool gather(microseconds most) {
    std::vector<pollfd> entries;
    for (const Fd& fd : sockets_) entries.push_back({fd.get(), POLLIN, 0});
    if (poll(entries.data(), entries.size(), static_cast<int>(to_ms(most)) + 1) <= 0) return true;
    for (const pollfd& entry : entries)
      while ((entry.revents & POLLIN) != 0)
        if (found_.truncated || !receive(entry.fd)) break;
    return !found_.truncated;
  }

  Discovered take() {
    for (auto& [address, camera] : by_address_) found_.cameras.push_back(std::move(camera));
    std::sort(found_.cameras.begin(), found_.cameras.end(),
              [](const FoundCamera& a, const FoundCamera& b) { return a.url < b.url; });
    return std::move(found_);
  }

 private:
  bool receive(int fd) {
    sockaddr_in sender{};
    socklen_t size = sizeof sender;
    const ssize_t bytes =
        recvfrom(fd, buffer_.data(), buffer_.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&sender), &size);
    if (bytes < 0) return false;
    found_.truncated = ++datagrams_ >= kMostDatagrams;
    if (static_cast<size_t>(bytes) > buffer_.size()) return true;
    for (FoundCamera& camera :
         read_probe_matches({buffer_.data(), static_cast<size_t>(bytes)}, id_, text_of(sender.sin_addr))) {
      if (by_address_.count(camera.address) > 0) continue;
      if (by_address_.size() >= Discovered::kMostCameras) {
        found_.truncated = true;
        return true;
      }
      by_address_.emplace(camera.address, std::move(camera));
    }
    return true;
  }

  const std::vector<Fd> sockets_;
  const sockaddr_in to_;
  const std::string id_ = new_id();
  const std::string probe_ = probe_message(id_);
  std::array<char, kMostDatagramBytes> buffer_{};
  int datagrams_ = 0;
  std::map<std::string, FoundCamera> by_address_;
  Discovered found_;
};

std::vector<Fd> one_socket() {
  std::vector<Fd> out;
  if (Fd fd = udp_socket(in_addr{INADDR_ANY}); fd.get() >= 0) out.push_back(std::move(fd));
  return out;
}

}  // namespace

bool is_unicast_ipv4(const std::string& text) {
  const auto host = parse_ipv4(text);
  const uint32_t network = host ? ntohl(host->s_addr) >> 24 : 0;
  return network > 0 && network < 224;  // "this network", and multicast and beyond
}

Result<Discovered> discover(microseconds time, const std::string& address, const std::stop_token& stop) {
  const auto to = parse_ipv4(address.empty() ? kGroup : address);
  if (!to) return fail(Code::invalid_argument, "the address is no IPv4 address");
  Search search(address.empty() ? multicast_sockets() : one_socket(), *to);
  const MonoTime begin = Clock::system().mono(), deadline = begin + time;
  size_t asked = 0;
  for (MonoTime now = begin; now < deadline; now = Clock::system().mono()) {
    if (stop.stop_requested()) return fail(Code::cancelled, "the search was stopped");
    if (asked < kAskedAt.size() && now >= begin + kAskedAt.at(asked)) {
      const bool sent = search.ask();
      if (!sent && asked == 0)
        return fail(Code::camera_unavailable,
                    address.empty() ? "there is no network interface to ask on" : "there is no way to " + address);
      ++asked;
    }
    MonoTime next = std::min(deadline, now + kLongestPoll);
    if (asked < kAskedAt.size()) next = std::min(next, begin + kAskedAt.at(asked));
    if (!search.gather(next - std::min(next, now))) break;
  }
  return search.take();
}

}  // namespace vedette::onvif
