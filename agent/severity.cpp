#include "agent/severity.h"

namespace vedette {

std::string_view severity_of(std::string_view event_type) {
  for (const auto& [type, severity] : kSeverities)
    if (type == event_type) return severity;
  return "info";
}

}  // namespace vedette
