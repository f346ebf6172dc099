#include "agent/twin_store.h"

#include <nlohmann/json.hpp>

#include "core/file.h"

namespace vedette {

namespace {

constexpr int64_t kMostInteger = (1LL << 53) - 1;
// Two documents, a refusal (a control character becomes six), and what stands around them.
constexpr JsonLimits kLimits{2 * kMostDesiredBytes + 12 * kMostRefusalErrors * kMostRefusalText + 8192, 20, 32768,
                             false};

Json to_json(const DesiredConfig& desired) {
  return {{"version", desired.version}, {"config", *desired.config}};
}

Json to_json(const std::vector<FieldError>& errors) {
  Json out = Json::array();
  for (const FieldError& error : errors)
    if (out.size() < kMostRefusalErrors)
      out.push_back(
          {{"path", error.path.substr(0, kMostRefusalText)}, {"message", error.message.substr(0, kMostRefusalText)}});
  return out;
}

std::vector<FieldError> read_refused(JsonReader& r) {
  std::vector<FieldError> out;
  const Json* list = r.any("refused");
  if (list == nullptr) return out;
  if (!list->is_array()) r.error("refused", "must be an array");
  for (size_t i = 0; list->is_array() && i < list->size(); ++i) {
    JsonReader one((*list)[i], "/refused/" + std::to_string(i), r.errors());
    out.push_back(
        {one.require("path").string("path").value_or(""), one.require("message").string("message").value_or("")});
    one.done();
  }
  return out;
}

std::optional<DesiredConfig> read_desired(JsonReader& r, std::string_view key) {
  auto object = r.object(key);
  if (!object) return std::nullopt;
  DesiredConfig out;
  out.version = object->require("version").integer("version", 1, kMostInteger).value_or(0);
  const Json* config = object->require("config").any("config");
  out.config = std::make_shared<const Json>(config && config->is_object() ? *config : Json::object());
  object->done();
  return out;
}

}  // namespace

Result<TwinState> TwinStore::load() const {
  std::error_code ignored;
  if (!std::filesystem::exists(path_, ignored)) return TwinState{};
  const auto text = file::read(path_, kLimits.most_bytes);
  if (!text) return text.error_as_is();
  const auto json = parse_json(*text, kLimits);
  if (!json) return json.error_with(path_.string());
  std::vector<FieldError> errors;
  JsonReader r(*json, "", errors);
  TwinState state;
  state.version = r.require("version").integer("version", 0, kMostInteger).value_or(0);
  state.desired = read_desired(r, "desired");
  state.previous = read_desired(r, "previous");
  state.on_trial = r.boolean("on_trial").value_or(false);
  state.rolled_back = r.string("rolled_back", 0, 4096).value_or("");
  state.refused = read_refused(r);
  r.done();
  if (!errors.empty()) return fail(Code::internal, path_.string() + ": " + summary(errors));
  return state;
}

Status TwinStore::save(const TwinState& state) const {
  Json json = {{"version", state.version}};
  if (state.desired) json["desired"] = to_json(*state.desired);
  if (state.previous) json["previous"] = to_json(*state.previous);
  if (state.on_trial) json["on_trial"] = true;
  if (!state.rolled_back.empty()) json["rolled_back"] = state.rolled_back;
  if (!state.refused.empty()) json["refused"] = to_json(state.refused);
  if (auto written = file::write_atomically(path_, to_text(json)); !written) return written.error_as_is();
  std::error_code ignored;
  std::filesystem::permissions(path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
                               ignored);
  return {};
}

}  // namespace vedette
