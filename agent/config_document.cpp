#include "agent/config_document.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/redact.h"

namespace vedette {

namespace {

constexpr JsonLimits kLimits{kMostDesiredBytes, 16, 8192, false};
constexpr int64_t kMostInteger = (1LL << 53) - 1;  // what every JSON reader keeps exactly
constexpr std::array<std::string_view, 6> kSecrets = {"password",      "access_key_id", "secret_access_key",
                                                      "session_token", "signing_key",   "proxy_password"};

std::string without_secrets(std::string url) {
  const size_t begin = url.find("://");
  if (begin == std::string::npos) return redact(url);
  // Behind the '?' of what connects somewhere often stands a token; of test:// and v4l2:// it says what is wanted.
  if (!url.starts_with("test:") && !url.starts_with("v4l2:"))
    if (const size_t query = url.find('?'); query != std::string::npos)
      url.replace(query + 1, std::string::npos, "***");
  if (const size_t at = url.rfind('@'); at != std::string::npos && at > begin) {
    const size_t from = url.substr(0, at).find_last_of('/') + 1;  // vendors' form has them behind the host
    url.replace(from, at - from, "***");
  }
  return redact(url);
}

void hide(Json& value) {
  if (!value.is_structured()) return;
  for (auto& [key, inner] : value.items()) {
    if (is_secret(key) && inner.is_string())
      inner = "***";
    else if (inner.is_string())
      inner = inner.get_ref<const std::string&>().find("://") == std::string::npos
                  ? redact(inner.get<std::string>())
                  : without_secrets(inner.get<std::string>());
    else
      hide(inner);
  }
}

}  // namespace

DecodedDesired decode_desired(std::string_view payload) {
  DecodedDesired out;
  const auto document = parse_json(payload, kLimits);
  if (!document) {
    out.errors.push_back({"", document.error().message});
    return out;
  }
  JsonReader r(*document, "", out.errors);
  r.require("v").integer("v", 1, 1);
  r.uuid("id");
  r.time("ts");
  out.version = r.require("version").integer("version", 1, kMostInteger).value_or(0);
  const Json* config = r.require("config").any("config");
  if (config && !config->is_object()) r.error("config", "must be an object");
  r.done();
  if (out.errors.empty()) out.desired = DesiredConfig{out.version, std::make_shared<const Json>(*config)};
  return out;
}

Json merged(const Json& local, const Json& desired) {
  Json out = local;
  for (const auto& [section, value] : desired.items()) {
    Json& mine = out[section];
    if (section == "cameras" || !mine.is_object() || !value.is_object())
      mine = value;
    else
      for (const auto& [key, inner] : value.items()) mine[key] = inner;
  }
  return out;
}

bool is_secret(std::string_view key) {
  return std::find(kSecrets.begin(), kSecrets.end(), key) != kSecrets.end();
}

Json redacted(const Json& document) {
  Json out = document;
  hide(out);
  return out;
}

}  // namespace vedette
