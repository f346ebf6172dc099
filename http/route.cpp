#include "http/route.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/json.h"

namespace vedette {

HttpAnswer http_error(int status, HttpError error, const std::string& message) {
  std::array<char, 16> code{};
  std::snprintf(code.data(), code.size(), "%03d", static_cast<int>(error));
  return {status, "application/json", to_text({{"error", message}, {"error_code", code.data()}}) + "\n"};
}

}  // namespace vedette
