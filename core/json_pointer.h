#pragma once

#include <string>
#include <string_view>

namespace vedette {

// A key as one step of a JSON Pointer (RFC 6901).
std::string pointer_step(std::string_view key);
// Whether the one points to what the other does, or to something in it.
bool is_at_or_below(std::string_view pointer, std::string_view above);

}  // namespace vedette
