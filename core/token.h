#pragma once

#include <string_view>

namespace vedette {

// What may be the last level of a topic for replies: ^[A-Za-z0-9_-]{1,64}$ (`reply_to` of a command).
bool is_token(std::string_view text);

}  // namespace vedette
