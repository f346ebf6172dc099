#include "agent/remote_config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/config_document.h"
#include "core/json_pointer.h"
#include "core/redact.h"

namespace vedette {

namespace {

constexpr std::array<std::string_view, 8> kSections = {"cameras", "recording", "telemetry", "log",
                                                       "storage", "upload",    "mqtt",      "encode"};
// Whatever is allowed: where things are, and who vouches for them.
constexpr std::array<std::string_view, 9> kNever = {
    "storage/path",    "storage/signing_key", "storage/signing_key_file", "mqtt/topic_root", "upload/prefix",
    "upload/manifest", "upload/directory",    "upload/grant_origins",     "log/format"};
// Of cameras: those that connect to a host, and the test pattern.
constexpr std::array<std::string_view, 10> kSchemes = {"rtsp", "rtsps", "http",  "https", "rtmp",
                                                       "srt",  "hik",   "dahua", "onvif", "test"};
// What says where the secrets of an object go to.
constexpr std::array<std::string_view, 10> kPlaces = {"url",   "urls", "alpn",      "endpoint", "fallback_endpoints",
                                                      "proxy", "sub",  "http_port", "http_tls", "transport"};

constexpr const char* kNoSection =
    "may not be set over MQTT: only cameras, recording, telemetry, log, storage, upload, mqtt and encode may";

template <class Words>
bool is_one_of(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_known(const std::string& entry) {
  const size_t slash = entry.find('/');
  const std::string member = slash == std::string::npos ? "" : entry.substr(slash + 1);
  return is_one_of(kSections, entry.substr(0, slash)) && !is_one_of(kNever, entry) &&
         (slash == std::string::npos || !member.empty()) &&
         member.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
}

class Check {
 public:
  Check(const RemoteConfig& rules, std::vector<FieldError>& errors) : rules_(rules), errors_(errors) {}

  void document(const Json& desired, const Json& local) {
    for (const auto& [section, value] : desired.items()) {
      const std::string path = "/" + pointer_step(section);
      if (!value.is_object())
        error(path, is_one_of(kSections, section) ? "must be an object" : kNoSection);
      else if (value.empty())
        allowed(path, section, {});
      for (const auto& [key, inner] : value.items())
        if (value.is_object()) allowed(path + "/" + pointer_step(key), section, key);
      const Json& known = local.contains(section) ? local[section] : Json::object();
      if (section == "cameras" && value.is_object())
        for (const auto& [id, camera] : value.items())
          object(camera, known.is_object() && known.contains(id) ? known[id] : Json(), path + "/" + pointer_step(id),
                 true, false);
      else
        object(value, known, path, false, true);
    }
  }

 private:
  void error(const std::string& path, std::string message) { errors_.push_back({path, std::move(message)}); }

  void allowed(const std::string& path, const std::string& section, const std::string& key) {
    const std::string whole = section + "/" + key;
    if (!is_one_of(kSections, section))
      error(path, kNoSection);
    else if (is_one_of(kNever, whole))
      error(path, "may not be set over MQTT");
    else if (!is_one_of(rules_.allow, section) && !is_one_of(rules_.allow, whole))
      error(path, "may not be set over MQTT: remote_config.allow of the configuration file does not name it");
  }

  // Whether the secrets of this object go where the file sends them. What a section does not say, it takes from there.
  static bool same_place(const Json& value, const Json& local, bool is_section) {
    return local.is_object() && std::all_of(kPlaces.begin(), kPlaces.end(), [&](std::string_view key) {
             const auto mine = value.find(key);
             const auto of_file = local.find(key);
             if (mine == value.end()) return is_section || of_file == local.end();
             return of_file != local.end() && *mine == *of_file;
           });
  }

  void object(const Json& value, const Json& local, const std::string& path, bool is_camera, bool is_section) {
    if (!value.is_object()) return;
    const bool same = same_place(value, local, is_section);
    for (const auto& [key, inner] : value.items()) {
      const std::string at = path + "/" + pointer_step(key);
      const bool as_in_file = same && local.contains(key) && local[key] == inner;
      if (is_secret(key)) error(at, "a secret may not come over MQTT; name it with " + key + "_file");
      if (key.ends_with("_file") && inner.is_string() && !as_in_file) reference(inner.get<std::string>(), at);
      if (key == "url" || key == "endpoint" || key == "proxy") url(inner, at, is_camera);
      if ((key == "urls" || key == "fallback_endpoints") && inner.is_array())
        for (size_t i = 0; i < inner.size(); ++i) url(inner[i], at + "/" + std::to_string(i), is_camera);
      object(inner, same && local.contains(key) ? local[key] : Json(), at, is_camera, false);
    }
  }

  void reference(const std::string& text, const std::string& at) {
    const bool climbs = text.find("..") != std::string::npos;
    for (const std::string& entry : rules_.secrets) {
      const bool beginning = entry.ends_with('/') || entry.ends_with(':');
      if (text == entry || (beginning && !climbs && text.starts_with(entry))) return;
    }
    error(at,
          "this reference may not be used over MQTT: remote_config.secrets of the configuration file does not name "
          "it");
  }

  // A '@' in a path can be written as %40, so what is there stands behind credentials, or is taken for that somewhere.
  void url(const Json& value, const std::string& at, bool is_camera) {
    if (!value.is_string()) return;
    const std::string text = value.get<std::string>();
    if (text.find('@') != std::string::npos) error(at, "must not hold credentials; name them beside it");
    if (!secrets_in_url(text).empty())
      error(at, "must not hold a password or token; that is for the configuration file");
    if (is_camera && !is_one_of(kSchemes, text.substr(0, text.find("://"))))
      error(at, "over MQTT only cameras in the network may be set, and test://");
  }

  const RemoteConfig& rules_;
  std::vector<FieldError>& errors_;
};

}  // namespace

RemoteConfig read_remote_config(JsonReader r) {
  RemoteConfig remote;
  if (auto enabled = r.boolean("enabled")) remote.enabled = *enabled;
  if (auto allow = r.strings("allow", 64, 1, 64)) {
    for (size_t i = 0; i < allow->size(); ++i)
      if (!is_known((*allow)[i]))
        r.errors().push_back({r.path() + "/allow/" + std::to_string(i),
                              "cannot be allowed: name a section (cameras, recording, telemetry, log, storage, upload, "
                              "mqtt, encode) or a member of one (storage/max_bytes)"});
    remote.allow = std::move(*allow);
  }
  if (auto secrets = r.strings("secrets", 64, 1, 1024)) remote.secrets = std::move(*secrets);
  if (auto trial = r.integer("trial_s", 5, 3600)) remote.trial = seconds(*trial);
  r.done();
  return remote;
}

std::vector<FieldError> refused_remotely(const Json& desired, const RemoteConfig& rules, const Json& local) {
  if (!rules.enabled) return {{"", "remote_config.enabled of the configuration file is false"}};
  std::vector<FieldError> errors;
  Check(rules, errors).document(desired, local);
  return errors;
}

}  // namespace vedette
