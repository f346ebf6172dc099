#pragma once

#include <optional>
#include <string>

#include "core/clock.h"

namespace vedette {

// "Fri, 24 May 2013 00:00:00 GMT", the one form of a Date header that servers may send (RFC 9110, 5.6.7); nothing for
// anything else.
std::optional<UtcTime> parse_http_date(const std::string& text);

}  // namespace vedette
