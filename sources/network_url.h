#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vedette {

// scheme://host[:port][/path][?query]; credentials in it are left out.
struct NetworkUrl {
  std::string scheme;
  std::string host;   // without the brackets of an IPv6 address; may be empty, see parse_network_url
  uint16_t port = 0;  // 0: not named
  std::string path;   // with its '/'; empty: none
  std::string query;  // behind the '?'

  std::string authority() const;  // host[:port], as in a URL
};

// invalid_argument says what is wrong: blanks and control characters, a port that is none, no host (but for URLs that
// are listened on, where it is optional).
Result<NetworkUrl> parse_network_url(std::string_view text, bool host_optional = false);

}  // namespace vedette
