#include "net/http_date.h"

#include <ctime>

namespace vedette {

std::optional<UtcTime> parse_http_date(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return UtcTime(seconds(timegm(&parts)));
}

}  // namespace vedette
