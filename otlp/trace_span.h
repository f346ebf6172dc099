#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.h"

namespace vedette {

// Something that was done, from its beginning to its end, as part of a trace. Ids are lower-case hex digits.
struct TraceSpan {
  enum class Kind : uint8_t { internal = 1, server = 2, client = 3 };  // as OTLP counts
  using Value = std::variant<std::string, int64_t>;

  std::string name;  // one of a few
  Kind kind = Kind::internal;
  std::string trace_id;   // 32 digits
  std::string span_id;    // 16 digits
  std::string parent_id;  // empty: it is the first of its trace
  bool parent_is_remote = false;
  UtcTime start{}, end{};
  std::vector<std::pair<std::string_view, Value>> attributes;  // names are literals
  bool failed = false;
  std::string message;  // why
};

}  // namespace vedette
