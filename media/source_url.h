#pragma once

#include <string>
#include <string_view>

namespace vedette {

// Private to the demuxer: the parts of a source's URL.

// "rtsp", "http", ... in lower case; empty for a plain path.
std::string scheme_of(std::string_view url);
// The host without port and brackets; empty where there is none.
std::string host_of(std::string_view url);
// The URL with these credentials, percent-encoded, in place of any that are in it; as it is when there is no user.
std::string with_credentials(std::string_view url, std::string_view username, std::string_view password);
// What libavformat is to be given for a plain path or a file URL.
std::string file_url(std::string_view url);

}  // namespace vedette
