#include "agent/config_plan.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/from_config.h"
#include "core/ed25519.h"
#include "core/json_pointer.h"

namespace vedette {

namespace {

// What is built in when the agent starts: names in topics, keys and paths, listeners, code, and where the clips are.
constexpr std::array<std::string_view, 16> kFixed = {"/device_id",
                                                     "/live",
                                                     "/http/listen",
                                                     "/http/trusted_proxies",
                                                     "/http/import",
                                                     "/otlp",
                                                     "/plugins",
                                                     "/home_assistant",
                                                     "/log/format",
                                                     "/storage/path",
                                                     "/storage/signing_key",
                                                     "/storage/signing_key_file",
                                                     "/mqtt/topic_root",
                                                     "/upload/prefix",
                                                     "/upload/manifest",
                                                     "/upload/poster"};

constexpr const char* kRestart = "needs a restart: it cannot change while the agent runs";

const Json kNothing = Json::object();

const Json& member(const Json& object, const std::string& key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return it == object.end() || !it->is_object() ? kNothing : *it;
}

// The members that differ, as pointers below `path`.
std::set<std::string> differing(const Json& a, const Json& b, const std::string& path) {
  std::set<std::string> out;
  for (const auto& [key, value] : a.items())
    if (const auto other = b.find(key); other == b.end() || *other != value) out.insert(path + "/" + key);
  for (const auto& [key, value] : b.items())
    if (!a.contains(key)) out.insert(path + "/" + key);
  return out;
}

// Those of the whole document: of sections their members, of cameras those of each.
std::set<std::string> differing(const Json& a, const Json& b) {
  std::set<std::string> out;
  for (const std::string& section : differing(a, b, "")) {
    const std::string name = section.substr(1);
    const Json& from = member(a, name);
    const Json& to = member(b, name);
    if (name == "device_id" || (from.empty() && to.empty()))
      out.insert(section);
    else if (name != "cameras")
      out.merge(differing(from, to, section));
    else
      for (const std::string& camera : differing(from, to, section)) {
        const std::string id = camera.substr(section.size() + 1);
        if (from.contains(id) && to.contains(id))
          out.merge(differing(from[id], to[id], camera));
        else
          out.insert(camera);
      }
  }
  return out;
}

// But for what is only compared in the documents.
bool same_session(const CameraConfig& a, const CameraConfig& b) {
  const SourceConfig &x = a.source, &y = b.source;
  return a.enabled == b.enabled && x.url == y.url && x.username == y.username && x.password == y.password &&
         x.transport == y.transport && x.ca_file == y.ca_file && x.http_port == y.http_port &&
         x.http_tls == y.http_tls && x.stall_timeout == y.stall_timeout;
}

CameraChange change_of(const std::string& id, const ConfigState& from, const ConfigState& to,
                       const std::set<std::string>& changed) {
  const Config::Camera& was = from.config.cameras.at(id);
  const Config::Camera& is = to.config.cameras.at(id);
  const auto touched = [&](std::initializer_list<const char*> keys) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](const char* key) { return changed.count("/cameras/" + id + "/" + key) > 0; });
  };
  CameraChange change;
  const bool account = was.username != is.username || was.password != is.password;
  change.off = was.enabled && !is.enabled;
  change.connect = !same_session(camera_config(from.config, id), camera_config(to.config, id)) || touched({"encode"});
  change.second = was.sub.has_value() != is.sub.has_value() ||
                  (is.sub && !same_session(second_camera_config(from.config, id), second_camera_config(to.config, id)));
  change.http = account || touched({"url", "sub", "http_port", "http_tls", "ca_file", "enabled"});
  change.standing = touched({"record", "schedule", "enabled"}) || changed.count("/recording/time_zone") > 0;
  change.noticed = change.http || touched({"events", "event_hold_s", "on_event"});
  return change;
}

bool changes(const CameraChange& change) {
  return change.connect || change.second || change.http || change.standing || change.noticed;
}

}  // namespace

tl::expected<ConfigPlan, ConfigErrors> plan_change(const ConfigState& from, const ConfigState& to) {
  std::set<std::string> changed = differing(*from.document, *to.document);
  ConfigErrors fixed;
  for (const std::string& pointer : changed)
    if (std::any_of(kFixed.begin(), kFixed.end(), [&](std::string_view f) { return is_at_or_below(pointer, f); }))
      fixed.errors.push_back({pointer, kRestart});
  // What a file holds may be another secret than it was, while its name is the same.
  const auto key_id = [](const ConfigState& of) {
    const auto& key = of.config.storage.signing_key;
    return key ? key->verifying_key().id() : std::string();
  };
  if (fixed.errors.empty() && key_id(from) != key_id(to))
    fixed.errors.push_back({"/storage/signing_key_file", kRestart});
  if (fixed.errors.empty() && from.config.otlp.headers != to.config.otlp.headers)
    fixed.errors.push_back({"/otlp/headers_file", kRestart});
  if (!fixed.errors.empty()) return tl::make_unexpected(std::move(fixed));

  ConfigPlan plan;
  if (from.config.mqtt.password != to.config.mqtt.password) changed.insert("/mqtt/password");
  if (from.config.upload.proxy_password != to.config.upload.proxy_password) changed.insert("/upload/proxy_password");
  if (from.config.http.tokens != to.config.http.tokens) changed.insert("/http/tokens");
  for (const auto& [id, camera] : to.config.cameras) {
    const auto before = from.config.cameras.find(id);
    if (before == from.config.cameras.end()) {
      plan.cameras[id] = {CameraChange::Kind::added, false, true, true, true, true, true};
      continue;
    }
    if (before->second.password != camera.password) changed.insert("/cameras/" + id + "/password");
    const std::string own = "/cameras/" + id;
    const CameraChange change = change_of(id, from, to, changed);
    const bool named =
        std::any_of(changed.begin(), changed.end(), [&](const std::string& p) { return is_at_or_below(p, own); });
    if (named || changes(change)) plan.cameras[id] = change;
  }
  for (const auto& [id, camera] : from.config.cameras)
    if (to.config.cameras.count(id) == 0)
      plan.cameras[id] = {CameraChange::Kind::removed, true, false, true, true, true, true};

  for (const std::string& pointer : changed) {
    if (pointer == "/mqtt/outbox")
      plan.outbox = true;
    else if (is_at_or_below(pointer, "/mqtt"))
      plan.session = true;
    if (pointer == "/recording/time_zone") plan.upload = true;  // of its windows
    if (pointer == "/upload/max_bandwidth_bps")
      plan.upload_rate = true;
    else if (is_at_or_below(pointer, "/upload") && pointer != "/upload/delete_after_upload")
      plan.upload = true;
    if (is_at_or_below(pointer, "/storage") || is_at_or_below(pointer, "/cameras") ||
        pointer == "/upload/delete_after_upload")
      plan.retention = true;
    if (is_at_or_below(pointer, "/http")) plan.http_tokens = true;  // of it, the only things that are not fixed
    if (pointer == "/log/level") plan.log_level = true;
  }
  // What the backend answers is subscribed to with the connection.
  const auto asks = [](const ConfigState& state) { return state.config.upload.target == Config::UploadTarget::grant; };
  if (asks(to) && !asks(from)) plan.session = true;
  plan.changed.assign(changed.begin(), changed.end());
  return plan;
}

}  // namespace vedette
