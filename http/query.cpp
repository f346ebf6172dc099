#include "http/query.h"

#include <algorithm>
#include <charconv>

namespace vedette {

namespace {

constexpr size_t kEscapeBytes = 3;  // %XX
constexpr unsigned char kDelete = 0x7f;

Result<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '%') {
      if (i + kEscapeBytes > text.size()) return fail(Code::invalid_argument, "a % without two hex digits");
      const char* const end = text.data() + i + kEscapeBytes;
      const auto [stopped, error] = std::from_chars(text.data() + i + 1, end, byte, 16);
      if (error != std::errc() || stopped != end) return fail(Code::invalid_argument, "a % without two hex digits");
      i += kEscapeBytes - 1;
    }
    if (byte < ' ' || byte == kDelete) return fail(Code::invalid_argument, "a control character");
    out += static_cast<char>(byte);
  }
  return out;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  for (bool more = !query.empty(); more;) {
    const std::string_view part = query.substr(0, query.find('&'));
    more = part.size() < query.size();
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    const size_t equals = part.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return fail(Code::invalid_argument, "must be name=value, and more of these behind &");
    auto name = decoded(part.substr(0, equals));
    if (!name) return name.error_as_is();
    auto value = decoded(part.substr(equals + 1));
    if (!value) return value.error_with(*name);
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

}  // namespace vedette
