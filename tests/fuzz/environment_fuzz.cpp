// Whatever the environment says upon a configuration file: a document, or errors with places.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/config_environment.h"
#include "core/json.h"
#include "core/text.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// The first line is the file, each further one a variable without its prefix.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vedette;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A secret may be read from any file: not from one that never ends or waits for somebody.
  if (text.find("/dev") != std::string_view::npos || text.find("/proc") != std::string_view::npos) return 0;
  const auto lines = split(text, '\n');
  auto file = parse_json(lines.front(), JsonLimits{});
  if (!file || !file->is_object()) return 0;
  std::vector<std::string> variables;
  for (size_t i = 1; i < lines.size(); ++i)
    variables.push_back(std::string(ConfigEnvironment::kPrefix) + std::string(lines[i]));
  const Json before = *file;
  const auto upon = ConfigEnvironment(variables).upon(*std::move(file));
  if (!upon) {
    require(!upon.error().errors.empty());
    for (const auto& error : upon.error().errors)
      require((error.path.empty() || error.path.front() == '/') && !error.message.empty());
    return 0;
  }
  if (variables.empty()) require(*upon->document == before);
  for (const auto& place : upon->places) require(place.pointer.starts_with(place.begin) && !place.variable.empty());
  return 0;
}
