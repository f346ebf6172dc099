#include "http/listen_address.h"

#include <arpa/inet.h>

#include <charconv>

namespace vedette {

namespace {

constexpr uint32_t kLoopbackNet = 127;

bool is_v4(const std::string& host, bool& loopback) {
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) != 1) return false;
  loopback = ntohl(address.s_addr) >> 24 == kLoopbackNet;
  return true;
}

bool is_v6(const std::string& host, bool& loopback) {
  in6_addr address{};
  if (inet_pton(AF_INET6, host.c_str(), &address) != 1) return false;
  loopback = IN6_IS_ADDR_LOOPBACK(&address);
  return true;
}

bool read_port(std::string_view text, uint16_t& port) {
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && stopped == end && port > 0;
}

}  // namespace

Result<ListenAddress> listen_address(std::string_view text) {
  const auto bad = [] {
    return fail(Code::invalid_argument, "must be address:port in numbers, as 127.0.0.1:9180 or [::1]:9180");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  ListenAddress address;
  if (!read_port(text.substr(colon + 1), address.port)) return bad();
  const std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  address.host = host == "localhost" ? "127.0.0.1" : brackets ? host.substr(1, host.size() - 2) : host;
  const bool good = brackets ? is_v6(address.host, address.loopback) : is_v4(address.host, address.loopback);
  if (!good) return bad();
  return address;
}

bool is_loopback_host(std::string_view host) {
  const bool brackets = !host.empty() && host.front() == '[';
  const size_t end = brackets ? host.find(']') : host.find(':');
  if (brackets && end == std::string_view::npos) return false;
  const std::string_view rest = end == std::string_view::npos ? "" : host.substr(end + (brackets ? 1 : 0));
  uint16_t port = 0;
  if (!rest.empty() && (rest.front() != ':' || !read_port(rest.substr(1), port))) return false;
  const std::string name(brackets ? host.substr(1, end - 1) : host.substr(0, end));
  bool loopback = false;
  if (brackets) return is_v6(name, loopback) && loopback;
  return name == "localhost" || (is_v4(name, loopback) && loopback);
}

}  // namespace vedette
