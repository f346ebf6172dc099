#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vedette {

// TrustedProxies says who is asking when the connection is that of a reverse proxy: the last address in
// X-Forwarded-For that is not itself one of these proxies. Each proxy appends who it had the request of, and what
// stands before that may be anybody's invention; so nothing is believed of a peer that is none of them. A value:
// immutable after it was filled.
class TrustedProxies {
 public:
  // An address, or a network as 10.0.0.0/8 or fd00::/8. invalid_argument when it is neither.
  Status add(std::string_view text);

  // An IPv4 address within IPv6 (::ffff:10.0.0.1) is the IPv4 address. False for what is no address.
  bool trusts(std::string_view address) const;
  // `forwarded`: the values of X-Forwarded-For, in the order of the header. Without one that can be read the proxy
  // itself is the client.
  std::string client(const std::string& proxy, const std::vector<std::string_view>& forwarded) const;

 private:
  using Bytes = std::array<uint8_t, 16>;
  struct Network {
    Bytes address{};
    int bits = 0;
  };

  std::vector<Network> networks_;
};

// The address in the form in which it is written and compared: IPv4 within IPv6 as IPv4, without a port. Empty when it
// is none.
std::string normal_address(std::string_view text);

}  // namespace vedette
