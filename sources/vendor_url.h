#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vedette {

// A camera in the words of its maker:
//   hik://[user:pass@]host[:port]/{channel}/{main|sub|third}
//   hik://host[:port]/user:pass@main,sub                        (the same of channel 1)
// Several profiles may be named in either, and the first is the camera's stream. User name and password are
// percent-encoded where they hold what has a meaning in a URL; in the second form only the last '@' counts.
struct VendorUrl {
  std::string scheme;
  std::string authority;  // host[:port]; the port is that of RTSP
  int channel = 1;
  std::vector<int> streams;  // at least one: 1 main, 2 sub, 3 third
  std::string username;      // decoded; empty: not in the URL
  std::string password;
};

// invalid_argument says what is wrong, and never shows what may be a password.
Result<VendorUrl> parse_vendor_url(std::string_view url);

// The second form as the first, with its credentials where those of every other URL are; anything else, and URLs of
// other schemes, as they are.
std::string with_credentials_in_front(std::string_view url);

}  // namespace vedette
