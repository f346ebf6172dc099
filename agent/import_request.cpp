#include "agent/import_request.h"

#include <nlohmann/json.hpp>

#include "agent/clip_wishes.h"
#include "core/ids.h"
#include "core/json.h"
#include "core/text.h"
#include "http/query.h"

namespace vedette {

namespace {

// As the parameters of a command, to be read as those are. Of `labels` there may be many.
Result<Json> document_of(std::string_view query) {
  auto parameters = parse_query(query);
  if (!parameters) return parameters.error_as_is();
  Json out = Json::object();
  for (auto& [name, value] : *parameters) {
    if (!is_utf8(name) || !is_utf8(value)) return fail(Code::invalid_argument, "must be UTF-8");
    if (name == "labels")
      out[name].push_back(std::move(value));
    else if (!out.emplace(name, std::move(value)).second)
      return fail(Code::invalid_argument, "/" + name + ": is there twice");
  }
  return out;
}

}  // namespace

Result<ImportRequest> import_request(std::string_view camera_id, std::string_view query) {
  if (!is_name(camera_id)) return fail(Code::not_found, "there is no such camera");
  const auto document = document_of(query);
  if (!document) return document.error_as_is();
  std::vector<FieldError> errors;
  JsonReader r(*document, "", errors);
  ImportRequest request;
  request.camera_id = camera_id;
  request.start = r.require("start").time("start").value_or(UtcTime());
  if (request.start < UtcTime()) r.error("start", "lies before 1970");
  request.labels = read_labels(r).value_or(request.labels);
  request.upload = r.choice("upload", {"auto", "never"}).value_or("auto") == "auto";
  request.priority = priority_from(r.choice("priority", {"high", "normal", "low"}).value_or("normal")).value();
  r.done();
  if (!errors.empty()) return fail(Code::invalid_argument, summary(errors));
  return request;
}

}  // namespace vedette
