#include "core/json_pointer.h"

namespace vedette {

std::string pointer_step(std::string_view key) {
  std::string out;
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

bool is_at_or_below(std::string_view pointer, std::string_view above) {
  return pointer.starts_with(above) && (pointer.size() == above.size() || pointer[above.size()] == '/');
}

}  // namespace vedette
