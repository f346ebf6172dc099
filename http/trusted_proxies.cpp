#include "http/trusted_proxies.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace vedette {

namespace {

using Bytes = std::array<uint8_t, 16>;

constexpr Bytes kV4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291, section 2.5.5.2
constexpr size_t kV4At = 12;
constexpr int kV4PrefixBits = 96;
constexpr int kMostBits = 128;
constexpr std::string_view kBlanks = " \t\"";

bool is_v4(const Bytes& address) {
  return std::equal(kV4Prefix.begin(), kV4Prefix.begin() + kV4At, address.begin());
}

// IPv4 as IPv6 that holds it.
std::optional<Bytes> bytes_of(std::string_view text) {
  const std::string address(text);
  Bytes out = kV4Prefix;
  if (inet_pton(AF_INET, address.c_str(), out.data() + kV4At) == 1) return out;
  if (inet_pton(AF_INET6, address.c_str(), out.data()) == 1) return out;
  return std::nullopt;
}

std::string text_of(const Bytes& address) {
  char text[INET6_ADDRSTRLEN];
  if (is_v4(address))
    inet_ntop(AF_INET, address.data() + kV4At, text, sizeof text);
  else
    inet_ntop(AF_INET6, address.data(), text, sizeof text);
  return text;
}

bool same_begin(const Bytes& a, const Bytes& b, int bits) {
  const auto whole = static_cast<size_t>(bits / 8);
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  const int rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Some proxies add the port: "192.0.2.1:4711", "[2001:db8::1]:4711".
std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, std::min(text.find(']'), text.size()) - 1);
  const size_t colon = text.find(':');
  return text.find(':', colon + 1) == std::string_view::npos ? text.substr(0, colon) : text;
}

}  // namespace

std::string normal_address(std::string_view text) {
  const auto bytes = bytes_of(without_port(trimmed(text)));
  return bytes ? text_of(*bytes) : std::string();
}

Status TrustedProxies::add(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = bytes_of(text.substr(0, slash));
  const auto bad = [] {
    return fail(Code::invalid_argument, "must be an address, or a network as 10.0.0.0/8 or fd00::/8");
  };
  if (!address) return bad();
  const int before = text.find(':') == std::string_view::npos ? kV4PrefixBits : 0;
  int bits = kMostBits - before;
  if (slash != std::string_view::npos) {
    const std::string_view number = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
    if (error != std::errc() || end != number.data() + number.size()) return bad();
  }
  if (bits < 0 || bits > kMostBits - before) return bad();
  networks_.push_back({*address, before + bits});
  return {};
}

bool TrustedProxies::trusts(std::string_view address) const {
  const auto bytes = bytes_of(address);
  return bytes && std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
           return same_begin(*bytes, network.address, network.bits);
         });
}

std::string TrustedProxies::client(const std::string& proxy, const std::vector<std::string_view>& forwarded) const {
  std::string client = proxy;
  for (auto value = forwarded.rbegin(); value != forwarded.rend(); ++value) {
    std::string_view rest = *value;
    for (bool more = true; more;) {
      const size_t comma = rest.rfind(',');
      more = comma != std::string_view::npos;
      const std::string address = normal_address(more ? rest.substr(comma + 1) : rest);
      if (address.empty()) return client;
      client = address;
      if (!trusts(client)) return client;
      if (more) rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace vedette
