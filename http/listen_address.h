#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vedette {

// Where to listen. Numbers only: a name may mean something else tomorrow.
struct ListenAddress {
  std::string host;  // "127.0.0.1", "::1"
  uint16_t port = 0;
  bool loopback = false;  // only programs on this machine get there
};

// "127.0.0.1:9180", "[::1]:9180", "localhost:9180" (127.0.0.1). invalid_argument says what is wrong.
Result<ListenAddress> listen_address(std::string_view text);

// Whether the host of a URL or a Host header, port or not, is this machine for itself: localhost, 127.0.0.0/8, ::1.
bool is_loopback_host(std::string_view host);

}  // namespace vedette
