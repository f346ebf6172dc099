#include "storage/page_cursor.h"

#include <array>
#include <charconv>
#include <cstdio>

#include "core/ids.h"

namespace vedette {

namespace {

constexpr size_t kHexDigits = 16;

}  // namespace

std::string cursor_text(char order, const Place& last) {
  std::array<char, kHexDigits + 1> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(last.at_us));
  return std::string(1, order).append(hex.data()).append(last.id);
}

Result<Place> parse_cursor(char order, std::string_view text) {
  const auto bad = [] { return fail(Code::invalid_argument, "cursor: not one that this query gave"); };
  if (text.size() <= kHexDigits + 1 || text.front() != order) return bad();
  const std::string_view hex = text.substr(1, kHexDigits);
  const std::string_view id = text.substr(1 + kHexDigits);
  if (hex.find_first_not_of("0123456789abcdef") != std::string_view::npos || !is_uuid(id)) return bad();
  uint64_t at_us = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), at_us, kHexDigits);
  return Place{static_cast<int64_t>(at_us), std::string(id)};
}

}  // namespace vedette
