#pragma once

#include <string>
#include <string_view>

namespace vedette {

// 32 lower-case hex digits. For protocols that ask for it (HTTP and RTSP Digest): it protects nothing.
std::string md5_hex(std::string_view bytes);
// 16 raw bytes.
std::string md5_bytes(std::string_view bytes);

}  // namespace vedette
