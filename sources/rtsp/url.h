#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vedette::rtsp {

// rtsp://host[:port]/path or rtsps://..., without credentials.
struct Url {
  bool tls = false;
  std::string host;  // without the brackets of an IPv6 address
  uint16_t port = 0;
  bool port_given = false;  // else it is that of the scheme: 554, 322
  std::string text;         // as it stands in requests
  std::string path;         // with its '/' and the query
};

// Where the same goes through HTTP: the URL's port, or that of HTTP or HTTPS.
uint16_t tunnel_port(const Url& url);

// invalid_argument says what is wrong; unsupported for another scheme.
Result<Url> parse_url(std::string_view text);

}  // namespace vedette::rtsp
