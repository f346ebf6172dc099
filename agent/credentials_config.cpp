#include "agent/credentials_config.h"

#include <algorithm>

#include "core/secret.h"

namespace vedette {

namespace {

bool has_any(const JsonReader& r) {
  for (const std::string key : {"access_key_id", "secret_access_key", "session_token"})
    if (r.has(key) || r.has(key + "_file")) return true;
  return false;
}

// As schemas/config.schema.json has it.
bool is_https_url(std::string_view url) {
  return url.starts_with("https://") && url.size() > 8 &&
         std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f && c != '@'; });
}

// What AWS IoT takes for one; it becomes a header.
bool is_thing_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' || c == '_' ||
           c == '-';
  });
}

void take_from_environment(Config::Upload& upload) {
  auto key_id = resolve_secret("env:AWS_ACCESS_KEY_ID");
  auto secret = resolve_secret("env:AWS_SECRET_ACCESS_KEY");
  if (!key_id || !secret) return;
  upload.access_key_id = std::move(*key_id);
  upload.secret_access_key = std::move(*secret);
  if (auto token = resolve_secret("env:AWS_SESSION_TOKEN")) upload.session_token = std::move(*token);
}

}  // namespace

void read_credentials_endpoint(JsonReader& r, Config::Upload& upload) {
  auto section = r.object("credentials_endpoint");
  if (!section) return;
  Config::CredentialsEndpoint endpoint;
  const auto read = [&](const char* key, std::string& field) {
    if (auto text = section->string(key, 1)) field = std::move(*text);
  };
  for (const char* key : {"url", "cert_file", "key_file"}) section->require(key);
  read("url", endpoint.url);
  read("ca_file", endpoint.ca_file);
  read("cert_file", endpoint.cert_file);
  read("key_file", endpoint.key_file);
  if (!endpoint.url.empty() && !is_https_url(endpoint.url))
    section->error("url", "must be https:// and a host, without credentials");
  endpoint.thing_name = section->string("thing_name", 0, 128);
  if (endpoint.thing_name && !is_thing_name(*endpoint.thing_name))
    section->error("thing_name", "must match ^[a-zA-Z0-9:_-]{0,128}$");
  section->done();
  if (has_any(r)) r.error("credentials_endpoint", "goes with no access_key_id, secret_access_key or session_token");
  upload.credentials_endpoint = std::move(endpoint);
}

void require_credentials(JsonReader& r, Config::Upload& upload) {
  if (r.has("credentials_endpoint")) return;
  if (!has_any(r)) take_from_environment(upload);
  if (!upload.access_key_id.empty() && !upload.secret_access_key.empty()) return;
  for (const std::string key : {"access_key_id", "secret_access_key"})
    if (!r.has(key) && !r.has(key + "_file")) r.error(key + "_file", "is required");
}

}  // namespace vedette
