#pragma once

#include <string>
#include <string_view>

namespace vedette {

// 20 bytes. For the one protocol that asks for it (WS-UsernameToken): it protects little.
std::string sha1(std::string_view bytes);

}  // namespace vedette
