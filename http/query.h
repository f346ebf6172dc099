#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace vedette {

// The query of a URL, "a=1&b=two%20words": names and values in their order, percent-decoded. A plus is a plus, as RFC
// 3986 has it. invalid_argument: a name without '=', an empty name, a bad %XX or a control character.
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

}  // namespace vedette
