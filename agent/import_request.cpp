#include "agent/import_request.h"

#include <algorithm>
#include <optional>

#include "agent/command.h"
#include "core/ids.h"
#include "core/text.h"
#include "http/query.h"

namespace vedette {

namespace {

tl::unexpected<Error> bad(const std::string& name, const std::string& what) {
  return fail(Code::invalid_argument, name + ": " + what);
}

// As JSON Schema counts them.
size_t characters(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

Status add_label(ImportRequest& request, const std::string& label) {
  if (label.empty() || characters(label) > kMostLabelLength) return bad("labels", "each must have 1 to 64 characters");
  if (!is_utf8(label)) return bad("labels", "must be UTF-8");
  if (request.labels.size() == kMostLabels) return bad("labels", "16 at most");
  request.labels.push_back(label);
  return {};
}

Status take(ImportRequest& request, const std::string& name, const std::string& value) {
  if (name == "labels") return add_label(request, value);
  if (name == "start") {
    const auto start = from_rfc3339(value);
    if (!start || *start < UtcTime{}) return bad(name, "must be a time as 2026-11-20T08:30:00Z (RFC 3339)");
    request.start = *start;
    return {};
  }
  if (name == "priority") {
    const auto priority = priority_from(value);
    if (!priority) return bad(name, "must be high, normal or low");
    request.priority = *priority;
    return {};
  }
  return bad(name, "is not known");
}

}  // namespace

Result<ImportRequest> import_request(std::string_view camera_id, std::string_view query) {
  if (!is_name(camera_id)) return fail(Code::not_found, "there is no such camera");
  const auto parameters = parse_query(query);
  if (!parameters) return parameters.error_as_is();
  ImportRequest request;
  request.camera_id = camera_id;
  std::vector<std::string> seen;
  for (const auto& [name, value] : *parameters) {
    if (name != "labels" && std::find(seen.begin(), seen.end(), name) != seen.end()) return bad(name, "is there twice");
    seen.push_back(name);
    if (auto taken = take(request, name, value); !taken) return taken.error_as_is();
  }
  if (std::find(seen.begin(), seen.end(), "start") == seen.end()) return bad("start", "is required");
  return request;
}

}  // namespace vedette
