#include "agent/config_dump.h"

#include <nlohmann/json.hpp>

#include "core/redact.h"

namespace vedette {

namespace {

// What it is must not be seen, but whether there is one.
void add_secret(Json& json, const char* name, const std::string& secret) {
  if (!secret.empty()) json[name] = "***";
}
void add(Json& json, const char* name, const std::string& text) {
  if (!text.empty()) json[name] = redact(text);
}

// What stands behind the '?' of a camera's URL is often a token.
std::string camera_url(const std::string& url) {
  const size_t query = url.find('?');
  const bool ours = url.starts_with("test:");
  return redact(ours || query == std::string::npos ? url : url.substr(0, query) + "?***");
}

Json bounds(const OutboxBounds& b) {
  return {{"max_rows", b.rows}, {"max_bytes", b.bytes}, {"max_age_s", b.age.count()}};
}

Json mqtt(const Config::Mqtt& m) {
  Json json = {
      {"urls", Json::array()}, {"topic_root", m.topic_root},         {"groups", m.groups},
      {"version", m.version},  {"keepalive_s", m.keepalive.count()}, {"return_after_s", m.return_after.count()}};
  for (const std::string& url : m.urls) json["urls"].push_back(redact(url));
  add(json, "username", m.username);
  add_secret(json, "password", m.password);
  add(json, "ca_file", m.ca_file);
  add(json, "cert_file", m.cert_file);
  add(json, "key_file", m.key_file);
  add(json, "alpn", m.alpn);
  json["outbox"] = {{"records", bounds(m.outbox.limits.records)},
                    {"notices", bounds(m.outbox.limits.notices)},
                    {"drain_per_s", m.outbox.drain_per_s}};
  return json;
}

Json storage(const Config::Storage& s) {
  Json json = {{"path", s.path.string()},
               {"sync_interval_ms", s.sync_interval.count()},
               {"max_bytes", s.max_bytes},
               {"max_age_s", s.max_age.count()},
               {"min_free_bytes", s.min_free_bytes}};
  if (s.signing_key) json["signing_key"] = "***";
  return json;
}

Json object(const std::vector<std::pair<std::string, std::string>>& fields) {
  Json json = Json::object();
  for (const auto& [name, value] : fields) json[name] = redact(value);
  return json;
}

Json upload(const Config::Upload& u) {
  constexpr const char* kTargets[] = {"s3", "directory", "grant", "none"};
  Json json = {{"target", kTargets[static_cast<size_t>(u.target)]},
               {"delete_after_upload", u.delete_after_upload},
               {"manifest", u.manifest},
               {"part_size_bytes", u.part_size_bytes},
               {"max_bandwidth_bps", u.max_bandwidth_bps},
               {"directory", u.directory.string()}};
  add(json, "proxy", u.proxy);
  add(json, "proxy_username", u.proxy_username);
  add_secret(json, "proxy_password", u.proxy_password);
  if (u.target != Config::UploadTarget::s3) return json;
  json["region"] = u.region;
  json["path_style"] = u.path_style;
  add(json, "endpoint", u.endpoint);
  for (const std::string& url : u.fallback_endpoints) json["fallback_endpoints"].push_back(redact(url));
  json["return_after_s"] = u.return_after.count();
  add(json, "bucket", u.bucket);
  add(json, "prefix", u.prefix);
  add_secret(json, "access_key_id", u.access_key_id);
  add_secret(json, "secret_access_key", u.secret_access_key);
  add_secret(json, "session_token", u.session_token);
  add(json, "access_key_id_file", u.access_key_id_file);
  add(json, "secret_access_key_file", u.secret_access_key_file);
  add(json, "session_token_file", u.session_token_file);
  add(json, "ca_file", u.ca_file);
  add(json, "storage_class", u.storage_class);
  add(json, "server_side_encryption", u.server_side_encryption);
  add(json, "kms_key_id", u.kms_key_id);
  if (!u.tags.empty()) json["tags"] = object(u.tags);
  if (!u.metadata.empty()) json["metadata"] = object(u.metadata);
  if (u.credentials_endpoint) json["credentials_endpoint"] = {{"url", redact(u.credentials_endpoint->url)}};
  return json;
}

Json otlp(const Config::Otlp& o) {
  Json json = {{"endpoint", redact(o.endpoint)}, {"interval_s", o.interval.count()}, {"metrics", o.metrics}};
  if (!o.headers.empty()) json["headers"] = "***";
  add(json, "ca_file", o.ca_file);
  return json;
}

Json recording(const Config::Recording& r) {
  constexpr const char* kAudio[] = {"copy", "aac", "drop"};
  return {{"pre_roll_ms", r.pre_roll.count()},
          {"segment_s", r.segment.count()},
          {"max_duration_s", r.longest.count()},
          {"audio", kAudio[static_cast<size_t>(r.audio)]}};
}

Json camera(const Config::Camera& c) {
  constexpr const char* kRecord[] = {"command", "continuous", "schedule"};
  Json json = {{"url", camera_url(c.url)},
               {"transport", c.transport},
               {"stall_timeout_s", c.stall_timeout.count()},
               {"ring_s", c.ring.count()},
               {"ring_max_bytes", c.ring_most_bytes},
               {"record", kRecord[static_cast<size_t>(c.record)]},
               {"max_bytes", c.max_bytes},
               {"enabled", c.enabled},
               {"events", c.events},
               {"http_port", c.http_port},
               {"http_tls", c.http_tls},
               {"event_hold_s", c.event_hold.count()},
               {"record_profile", profile_name(c.record_profile)},
               {"max_sessions", c.max_sessions}};
  add(json, "username", c.username);
  add_secret(json, "password", c.password);
  add(json, "ca_file", c.ca_file);
  if (c.sub) json["sub"] = {{"url", camera_url(c.sub->url)}, {"transport", c.sub->transport}};
  return json;
}

Json http_token(const HttpToken& token) {
  Json json = {{"name", token.name}, {"token", "***"}, {"scopes", Json::array()}};
  for (const HttpScope scope : token.scopes) json["scopes"].push_back(scope_name(scope));
  return json;
}

}  // namespace

Json config_dump(const Config& config) {
  Json json = {
      {"device_id", config.device_id},
      {"mqtt", mqtt(config.mqtt)},
      {"storage", storage(config.storage)},
      {"upload", upload(config.upload)},
      {"recording", recording(config.recording)},
      {"telemetry",
       {{"interval_s", config.telemetry_interval.count()}, {"latency_alarm_ms", config.latency_alarm.count()}}},
      {"log",
       {{"level", log::level_name(config.log_level)},
        {"format", config.log_format == log::Format::json ? "json" : "text"}}},
      {"cameras", Json::object()}};
  if (!config.http.listen.empty()) json["http"] = {{"listen", config.http.listen}};
  for (const HttpToken& token : config.http.tokens) json["http"]["tokens"].push_back(http_token(token));
  if (config.http.import_most_bytes > 0) json["http"]["import"] = {{"max_bytes", config.http.import_most_bytes}};
  if (!config.http.proxies.empty()) json["http"]["trusted_proxies"] = config.http.proxies;
  if (!config.otlp.endpoint.empty()) json["otlp"] = otlp(config.otlp);
  if (config.live_frames.on())
    json["live"]["frames"] = {{"unix", config.live_frames.unix_path.string()}, {"listen", config.live_frames.listen}};
  for (const auto& [id, c] : config.cameras) json["cameras"][id] = camera(c);
  return json;
}

}  // namespace vedette
