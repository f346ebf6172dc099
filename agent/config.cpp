#include "agent/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/credentials_config.h"
#include "agent/encode_config.h"
#include "agent/event_config.h"
#include "agent/grant_config.h"
#include "agent/http_config.h"
#include "agent/outbox_config.h"
#include "agent/schedule_config.h"
#include "core/file.h"
#include "core/ids.h"
#include "core/redact.h"
#include "core/secret.h"
#include "core/text.h"
#include "live/listening_socket.h"
#include "mqtt/session.h"
#include "sources/plugin/plugin_sources.h"
#include "sources/source.h"
#include "sources/vendor_url.h"

namespace vedette {

namespace {

constexpr JsonLimits kFileLimits{256 * 1024, 16, 8192, true};
constexpr int64_t kMostSeconds = 366LL * 24 * 3600;
constexpr int64_t kMostAge = 100 * kMostSeconds;  // older than every clip: above it there is no difference
// Of S3 multipart uploads: 5 MiB to 5 GiB a part.
constexpr int64_t kLeastPartBytes = 5LL << 20, kMostPartBytes = 5LL << 30;
constexpr size_t kMostAlpnBytes = 254;           // as mqtt::Session takes it
constexpr int64_t kMostReturnAfter = 24 * 3600;  // s
constexpr int64_t kMostFrameBytes = 256LL << 20;
constexpr int64_t kMostInteger = (1LL << 53) - 1;  // what every JSON reader keeps exactly

const std::initializer_list<std::string_view> kTransports = {"tcp", "udp", "auto", "multicast", "http"};

// What the reader of every section shares.
struct Load {
  std::vector<FieldError> errors;
  std::vector<std::string> warnings;
  const Config* running = nullptr;
  std::shared_ptr<const PluginSources> plugins;

  void warn(const std::string& path, const std::string& text) { warnings.push_back(path + ": " + text); }
};

template <class T>
void set(T& field, std::optional<T> value) {
  if (value) field = std::move(*value);
}

void error_at(JsonReader& r, std::string_view key, size_t index, std::string message) {
  r.errors().push_back({r.path() + "/" + std::string(key) + "/" + std::to_string(index), std::move(message)});
}

// `{name}_file` (a reference), or `{name}` (the secret itself: taken, but warned about). `file` gets the reference of
// the former.
void read_secret(JsonReader& r, const std::string& name, std::string& field, Load& load, std::string* file = nullptr) {
  if (auto reference = r.string(name + "_file", 1)) {
    auto secret = resolve_secret(*reference);
    if (file != nullptr) *file = *reference;
    if (secret)
      field = std::move(*secret);
    else
      r.error(name + "_file", secret.error().message);
  }
  if (auto literal = r.string(name)) {
    load.warn(r.path() + "/" + name, "a secret in the configuration file; better use " + name + "_file");
    add_secret(*literal);
    if (file != nullptr) file->clear();
    field = std::move(*literal);
  }
}

// Where user:password ends in a URL: at the last '@' in front of the path, or of all where a password with a '/' in it
// was not encoded, which shows in that what looks like the port is no number. npos when there is none.
size_t end_of_credentials(const std::string& url, size_t begin) {
  const size_t path = std::min(url.find_first_of("/?#", begin), url.size());
  const size_t at = url.substr(0, path).rfind('@');
  if (at != std::string::npos && at >= begin) return at;
  const size_t colon = url.find(':', begin);
  if (colon >= path || url[begin] == '[') return std::string::npos;
  if (url.find_first_not_of("0123456789", colon + 1) >= path) return std::string::npos;
  return url.rfind('@');
}

// Takes user:password@ out of a URL into the fields.
void take_credentials(const std::string& path, std::string& url, std::string& username, std::string& password,
                      Load& load) {
  const size_t begin = url.find("://");
  if (begin == std::string::npos) return;
  const size_t at = end_of_credentials(url, begin + 3);
  if (at == std::string::npos || at < begin + 3) return;
  const std::string credentials = url.substr(begin + 3, at - begin - 3);
  const size_t colon = std::min(credentials.find(':'), credentials.size());
  if (username.empty()) username = percent_decode(credentials.substr(0, colon));
  if (colon < credentials.size()) {
    add_secret(credentials.substr(colon + 1));
    const std::string secret = percent_decode(credentials.substr(colon + 1));
    add_secret(secret);
    if (password.empty()) password = secret;
  }
  url.erase(begin + 3, at - begin - 2);
  load.warn(path, "credentials in the URL; better use username and password_file");
}

void read_mqtt(JsonReader r, Config::Mqtt& mqtt, Load& load) {
  std::vector<std::string> urls;
  const auto add_url = [&](std::string url, const std::string& path) {
    take_credentials(path, url, mqtt.username, mqtt.password, load);
    if (auto good = mqtt::check_url(url); !good) load.errors.push_back({path, good.error().message});
    urls.push_back(std::move(url));
  };
  if (auto url = r.string("url", 1)) add_url(std::move(*url), r.path() + "/url");
  if (auto more = r.strings("urls", 16, 1, 1024))
    for (std::string& url : *more) {
      const std::string path = r.path() + "/urls/" + std::to_string(&url - more->data());
      add_url(std::move(url), path);
    }
  if (!urls.empty()) mqtt.urls = std::move(urls);
  if (auto root = r.string("topic_root", 1, 200)) {
    if (root->find_first_of("+#$") != std::string::npos || root->front() == '/' || root->back() == '/')
      r.error("topic_root", "must not begin or end with '/' and not hold '+', '#' or '$'");
    mqtt.topic_root = std::move(*root);
  }
  if (auto groups = r.strings("groups", 32, 1, 63)) {
    for (size_t i = 0; i < groups->size(); ++i)
      if (!is_name((*groups)[i])) error_at(r, "groups", i, "must match ^[a-z0-9][a-z0-9_-]{0,62}$");
    mqtt.groups = std::move(*groups);
  }
  if (auto outbox = r.object("outbox")) read_outbox(*outbox, mqtt.outbox);
  if (auto version = r.integer("version", 4, 5)) mqtt.version = static_cast<int>(*version);
  if (auto keepalive = r.integer("keepalive_s", 5, 65535)) mqtt.keepalive = seconds(*keepalive);
  set(mqtt.username, r.string("username"));
  read_secret(r, "password", mqtt.password, load);
  set(mqtt.ca_file, r.string("ca_file", 1));
  set(mqtt.cert_file, r.string("cert_file", 1));
  set(mqtt.key_file, r.string("key_file", 1));
  if (mqtt.cert_file.empty() != mqtt.key_file.empty())
    r.error(mqtt.cert_file.empty() ? "cert_file" : "key_file", "cert_file and key_file go together");
  set(mqtt.alpn, r.string("alpn", 1, kMostAlpnBytes));
  const auto secure = [](const std::string& url) { return url.starts_with("mqtts://"); };
  if (!mqtt.alpn.empty() && std::none_of(mqtt.urls.begin(), mqtt.urls.end(), secure))
    load.warn(r.path() + "/alpn", "has no effect: no URL is mqtts://");
  if (auto after = r.integer("return_after_s", 0, kMostReturnAfter)) mqtt.return_after = seconds(*after);
  r.done();
}

void read_signing_key(JsonReader& r, Config::Storage& storage, Load& load) {
  std::string pem;
  read_secret(r, "signing_key", pem, load);
  if (pem.empty()) return;
  for (const std::string_view line : split(pem, '\n'))  // each of them by itself is a secret
    if (line.find("-----") == std::string_view::npos) add_secret(line);
  auto key = SigningKey::from_pem(pem);
  if (key)
    storage.signing_key = std::make_shared<const SigningKey>(std::move(*key));
  else
    r.error(r.has("signing_key_file") ? "signing_key_file" : "signing_key", key.error().message);
}

void read_storage(JsonReader r, Config::Storage& storage, Load& load) {
  if (auto path = r.string("path", 1)) storage.path = std::move(*path);
  if (!storage.path.is_absolute()) r.error("path", "must be an absolute path");
  if (auto interval = r.integer("sync_interval_ms", 100, 600'000)) storage.sync_interval = milliseconds(*interval);
  if (auto free = r.integer("min_free_bytes", 0, kMostInteger)) storage.min_free_bytes = *free;
  set(storage.max_bytes, r.integer("max_bytes", 0, kMostInteger));
  if (auto age = r.integer("max_age_s", 0, kMostInteger)) storage.max_age = seconds(std::min(*age, kMostAge));
  read_signing_key(r, storage, load);
  r.done();
}

void read_s3(JsonReader& r, Config::Upload& upload, Load& load) {
  for (const std::string_view key : {"endpoint", "bucket"}) r.require(key);
  const bool url = upload.endpoint.rfind("http://", 0) == 0 || upload.endpoint.rfind("https://", 0) == 0;
  if (r.has("endpoint") && !url) r.error("endpoint", "must begin with https:// or http://");
  if (upload.endpoint.ends_with('/')) upload.endpoint.pop_back();
  if (upload.endpoint.find('@') != std::string::npos) r.error("endpoint", "must not hold credentials");
  if (url && upload.endpoint[4] == ':') load.warn(r.path() + "/endpoint", "clips travel unencrypted over http://");
  require_credentials(r, upload);
}

void read_upload(JsonReader r, Config::Upload& upload, const TimeZone& zone, Load& load) {
  upload.target = r.has("endpoint") ? Config::UploadTarget::s3 : Config::UploadTarget::directory;
  if (auto target = r.choice("target", {"s3", "directory", "grant", "none"})) {
    upload.target = *target == "s3"      ? Config::UploadTarget::s3
                    : *target == "grant" ? Config::UploadTarget::grant
                    : *target == "none"  ? Config::UploadTarget::none
                                         : Config::UploadTarget::directory;
  }
  set(upload.endpoint, r.string("endpoint", 1));
  set(upload.bucket, r.string("bucket", 1, 255));
  set(upload.region, r.string("region", 1, 64));
  if (auto prefix = r.string("prefix", 0, 200)) {
    const bool bad = prefix->find("..") != std::string::npos || (!prefix->empty() && prefix->front() == '/');
    if (bad) r.error("prefix", "must not begin with '/' or hold '..'");
    upload.prefix = std::move(*prefix);
  }
  set(upload.path_style, r.boolean("path_style"));
  set(upload.delete_after_upload, r.boolean("delete_after_upload"));
  set(upload.manifest, r.boolean("manifest"));
  set(upload.poster, r.boolean("poster"));
  read_secret(r, "access_key_id", upload.access_key_id, load, &upload.access_key_id_file);
  read_secret(r, "secret_access_key", upload.secret_access_key, load, &upload.secret_access_key_file);
  read_secret(r, "session_token", upload.session_token, load, &upload.session_token_file);
  read_credentials_endpoint(r, upload);
  set(upload.ca_file, r.string("ca_file", 1));
  if (auto directory = r.string("directory", 1)) {
    upload.directory = std::move(*directory);
    if (!upload.directory.is_absolute()) r.error("directory", "must be an absolute path");
  }
  if (upload.target == Config::UploadTarget::s3) read_s3(r, upload, load);
  read_grant_origins(r, upload, load.warnings);
  set(upload.part_size_bytes, r.integer("part_size_bytes", kLeastPartBytes, kMostPartBytes));
  set(upload.max_bandwidth_bps, r.integer("max_bandwidth_bps", 0, kMostInteger));
  upload.windows = read_schedule(r, zone, "windows");
  r.done();
}

void read_recording(JsonReader r, Config::Recording& recording) {
  if (auto pre_roll = r.integer("pre_roll_ms", 0, 3'600'000)) recording.pre_roll = milliseconds(*pre_roll);
  if (auto segment = r.integer("segment_s", 1, 86'400)) recording.segment = seconds(*segment);
  if (auto longest = r.integer("max_duration_s", 1, 30LL * 86'400)) recording.longest = seconds(*longest);
  if (auto audio = r.choice("audio", {"copy", "aac", "drop"})) {
    recording.audio = *audio == "aac" ? AudioPolicy::aac : *audio == "drop" ? AudioPolicy::drop : AudioPolicy::copy;
  }
  recording.time_zone = read_time_zone(r, recording.time_zone);
  r.done();
}

void read_live_frames(JsonReader r, Config::LiveFrames& frames) {
  if (auto path = r.string("unix", 1)) {
    frames.unix_path = std::move(*path);
    if (auto good = check_socket_path(frames.unix_path); !good) r.error("unix", good.error().message);
  }
  if (auto listen = r.string("listen", 1, 64)) {
    if (auto good = loopback_address(*listen); !good) r.error("listen", good.error().message);
    frames.listen = std::move(*listen);
  }
  if (auto clients = r.integer("max_clients", 1, 1024)) frames.max_clients = static_cast<size_t>(*clients);
  if (auto bytes = r.integer("max_frame_bytes", 65'536, kMostFrameBytes))
    frames.max_frame_bytes = static_cast<size_t>(*bytes);
  if (auto timeout = r.integer("peer_timeout_s", 1, 300)) frames.peer_timeout = seconds(*timeout);
  if (!frames.on()) r.error("unix", "is required, or listen");
  r.done();
}

void read_live(JsonReader r, Config& config) {
  if (auto frames = r.object("frames")) read_live_frames(*frames, config.live_frames);
  r.done();
}

void read_log(JsonReader r, Config& config) {
  if (auto level = r.choice("level", {"trace", "debug", "info", "warn", "error"}))
    log::parse_level(*level, config.log_level);
  if (auto format = r.choice("format", {"text", "json"}))
    config.log_format = *format == "json" ? log::Format::json : log::Format::text;
  r.done();
}

// The URL of either profile. Credentials in it are the camera's.
void read_url(JsonReader& r, std::string& url, const std::string& transport, Config::Camera& camera, Load& load) {
  const auto given = r.require("url").string("url", 1);
  if (!given) return;
  url = with_credentials_in_front(*given);
  take_credentials(r.path() + "/url", url, camera.username, camera.password, load);
  // What stands behind the '?' of such a URL is often a token.
  if (url.starts_with("http") || url.starts_with("rtmp:")) add_secret(url.substr(std::min(url.find('?'), url.size())));
  SourceConfig source;
  source.url = url;
  source.transport = transport;
  source.username = camera.username;
  source.password = camera.password;
  source.plugins = load.plugins;
  if (auto made = make_source(source); !made) r.error("url", made.error().message);
}

void read_sub_profile(JsonReader r, Config::Camera& camera, Load& load) {
  Config::SubProfile sub;
  sub.transport = camera.transport;
  set(sub.transport, r.choice("transport", kTransports));
  read_url(r, sub.url, sub.transport, camera, load);
  r.done();
  camera.sub = std::move(sub);
}

void read_profiles(JsonReader& r, Config::Camera& camera, Load& load) {
  if (auto sub = r.object("sub")) read_sub_profile(*sub, camera, load);
  if (auto profile = r.choice("record_profile", {"main", "sub"}); profile == "sub") {
    camera.record_profile = Config::Profile::sub;
    if (!r.has("sub")) r.error("record_profile", "there is no sub");
  }
  if (auto sessions = r.integer("max_sessions", 1, 16)) camera.max_sessions = static_cast<int>(*sessions);
}

Config::Camera read_camera(JsonReader r, const Config::Recording& recording, Load& load) {
  Config::Camera camera;
  set(camera.username, r.string("username"));
  read_secret(r, "password", camera.password, load);
  set(camera.transport, r.choice("transport", kTransports));
  set(camera.ca_file, r.string("ca_file", 1));
  if (auto stall = r.integer("stall_timeout_s", 1, 60)) camera.stall_timeout = seconds(*stall);
  read_url(r, camera.url, camera.transport, camera, load);
  if (auto ring = r.integer("ring_s", 1, 3600)) camera.ring = seconds(*ring);
  if (auto bytes = r.integer("ring_max_bytes", 65'536, 4LL << 30)) camera.ring_most_bytes = static_cast<size_t>(*bytes);
  set(camera.enabled, r.boolean("enabled"));
  if (auto record = r.choice("record", {"command", "continuous", "schedule"})) {
    if (*record == "continuous") camera.record = Config::Record::continuous;
    if (*record == "schedule") camera.record = Config::Record::schedule;
  }
  camera.schedule = read_schedule(r, recording.time_zone);
  const bool scheduled = camera.record == Config::Record::schedule;
  if (scheduled && !r.has("schedule")) r.error("schedule", "is required with record: schedule");
  if (!scheduled && !camera.schedule.empty())
    load.warn(r.path() + "/schedule", "has no effect without record: schedule");
  set(camera.max_bytes, r.integer("max_bytes", 0, kMostInteger));
  read_camera_events(r, recording.pre_roll, camera);
  read_profiles(r, camera, load);
  camera.encode = read_encode_settings(r);
  if (camera.encode && !camera.url.starts_with("v4l2:") && !camera.url.starts_with("test:"))
    load.warn(r.path() + "/encode", "has no effect: such a camera encodes by itself");
  r.done();
  return camera;
}

// Loads them, as their schemes count from here on.
std::shared_ptr<const PluginSources> read_plugins(JsonReader r, Load& load) {
  auto plugins = std::make_shared<PluginSources>();
  for (const auto& [scheme, path] : r.members()) {
    if (!path->is_string()) {
      r.error(scheme, "must be a string: the path of the library");
      continue;
    }
    if (const auto added = plugins->add(scheme, path->get<std::string>()); added)
      load.warn(r.path() + "/" + scheme, plugins->find(scheme)->name() + " runs inside the agent, with all its rights");
    else
      r.error(scheme, added.error().message);
  }
  return plugins;
}

void read_cameras(JsonReader r, Config& config, Load& load) {
  for (const auto& [id, value] : r.members()) {
    if (!is_name(id)) {
      r.error(id, "is no camera id: must match ^[a-z0-9][a-z0-9_-]{0,62}$");
      continue;
    }
    config.cameras[id] = read_camera(JsonReader(*value, r.path() + "/" + id, load.errors), config.recording, load);
  }
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  std::string id(name.data());
  std::transform(id.begin(), id.end(), id.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::replace(id.begin(), id.end(), '.', '-');
  return id;
}

void read_telemetry(JsonReader& r, Config& config) {
  if (auto interval = r.integer("interval_s", 1, kMostSeconds)) config.telemetry_interval = seconds(*interval);
  if (auto alarm = r.integer("latency_alarm_ms", 0, 60'000)) config.latency_alarm = milliseconds(*alarm);
  if (auto image = r.integer("image_interval_s", 0, kMostSeconds)) config.image_interval = seconds(*image);
  if (auto width = r.integer("image_width_px", 16, 3840)) config.image_width_px = static_cast<int>(*width);
  r.done();
}

void read_home_assistant(JsonReader& r, Config::HomeAssistant& bridge) {
  set(bridge.enabled, r.boolean("enabled"));
  if (auto prefix = r.string("discovery_prefix", 1, 128)) {
    if (prefix->find_first_of("+#") != std::string::npos || prefix->front() == '/' || prefix->front() == '$' ||
        prefix->back() == '/')
      r.error("discovery_prefix",
              "must be the first levels of a topic, without + and #, not beginning or ending with /");
    else
      bridge.discovery_prefix = std::move(*prefix);
  }
  r.done();
}

void read_document(JsonReader r, Config& config, Load& load) {
  if (auto id = r.name("device_id")) config.device_id = std::move(*id);
  if (!r.has("device_id")) {
    config.device_id = host_name();
    if (!is_name(config.device_id)) r.error("device_id", "is required: the host's name cannot serve as one");
  }
  if (auto section = r.object("mqtt")) read_mqtt(*section, config.mqtt, load);
  if (auto section = r.object("storage")) read_storage(*section, config.storage, load);
  if (auto section = r.object("recording")) read_recording(*section, config.recording);
  if (auto section = r.object("upload")) read_upload(*section, config.upload, config.recording.time_zone, load);
  if (auto section = r.object("telemetry")) read_telemetry(*section, config);
  if (auto section = r.object("home_assistant")) read_home_assistant(*section, config.home_assistant);
  if (auto section = r.object("live")) read_live(*section, config);
  if (auto section = r.object("http")) read_http(*section, config.http, load.warnings);
  if (auto section = r.object("log")) read_log(*section, config);
  config.encode_slots = read_encode_slots(r);
  if (load.running)
    config.plugins = load.plugins = (r.any("plugins"), load.running->plugins);
  else if (auto section = r.object("plugins"))
    config.plugins = load.plugins = read_plugins(*section, load);
  if (auto section = r.object("remote_config")) config.remote = read_remote_config(*section);
  if (auto section = r.object("cameras")) read_cameras(*section, config, load);
  r.done();
  if (config.upload.directory.empty()) config.upload.directory = config.storage.path / "objects";
}

}  // namespace

std::string_view profile_name(Config::Profile profile) {
  return profile == Config::Profile::sub ? "sub" : "main";
}

tl::expected<LoadedConfig, ConfigErrors> read_config(std::string_view text) {
  const auto document = parse_config(text);
  if (!document) return tl::make_unexpected(document.error());
  return read_config(*document, nullptr);
}

tl::expected<Json, ConfigErrors> parse_config(std::string_view text) {
  auto document = parse_json(text, kFileLimits);
  if (!document) return tl::make_unexpected(ConfigErrors{{{"/", document.error().message}}});
  return std::move(*document);
}

tl::expected<LoadedConfig, ConfigErrors> read_config(const Json& document, const Config* running) {
  LoadedConfig loaded;
  Load load;
  load.running = running;
  read_document(JsonReader(document, "", load.errors), loaded.config, load);
  if (!load.errors.empty()) return tl::make_unexpected(ConfigErrors{std::move(load.errors)});
  loaded.warnings = std::move(load.warnings);
  return loaded;
}

tl::expected<Json, ConfigErrors> parse_config_file(const std::filesystem::path& path) {
  const auto text = file::read(path, kFileLimits.most_bytes);
  if (!text) return tl::make_unexpected(ConfigErrors{{{"/", text.error().message}}});
  return parse_config(*text);
}

tl::expected<LoadedConfig, ConfigErrors> load_config(const std::filesystem::path& path) {
  const auto document = parse_config_file(path);
  if (!document) return tl::make_unexpected(document.error());
  return read_config(*document, nullptr);
}

}  // namespace vedette
