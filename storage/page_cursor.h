#pragma once

// Inside storage/ only: where a page of a query ended, as the text that the asker gives back for the next one.
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vedette {

// The place of a row in an order: by an instant, then by id.
struct Place {
  int64_t at_us = 0;
  std::string id;
};

// One letter that names the order, the instant in 16 hex digits, the id.
std::string cursor_text(char order, const Place& last);
// invalid_argument for anything but what cursor_text() gave for this order.
Result<Place> parse_cursor(char order, std::string_view text);

}  // namespace vedette
