#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vedette {

// Percent-encodes every byte but A-Z a-z 0-9 - . _ ~ (RFC 3986 unreserved), upper-case hex; `keep` names further bytes
// to leave as they are, such as "/" in a path.
std::string percent_encode(std::string_view text, std::string_view keep = {});
// The reverse; a stray '%' stays as it is.
std::string percent_decode(std::string_view text);

std::string to_hex(std::string_view bytes);
std::string to_base64(std::string_view bytes);
// The reverse; nothing for anything but whole groups of four, padded as to_base64 does.
std::optional<std::string> from_base64(std::string_view text);

// Splits at each separator; "a,,b" gives three parts.
std::vector<std::string_view> split(std::string_view text, char separator);

bool is_utf8(std::string_view text);
// How many bytes of the text to keep, at most so many, so that no character of UTF-8 is cut.
size_t utf8_prefix(std::string_view text, size_t most);

}  // namespace vedette
