#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace vedette {

// The bytes as a gzip file (RFC 1952), in memory.
Result<std::string> gzip(std::string_view bytes);

}  // namespace vedette
