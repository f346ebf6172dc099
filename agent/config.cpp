#include "agent/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/camera_config.h"
#include "agent/config_load.h"
#include "agent/encode_config.h"
#include "agent/http_config.h"
#include "agent/mqtt_config.h"
#include "agent/otlp_config.h"
#include "agent/schedule_config.h"
#include "agent/upload_config.h"
#include "core/file.h"
#include "core/ids.h"
#include "core/redact.h"
#include "core/text.h"
#include "live/listening_socket.h"
#include "sources/plugin/plugin_sources.h"

namespace vedette {

namespace {

constexpr JsonLimits kFileLimits{256 * 1024, 16, 8192, true};
constexpr int64_t kMostSeconds = 366LL * 24 * 3600;
constexpr int64_t kMostFrameBytes = 256LL << 20;

void read_signing_key(JsonReader& r, Config::Storage& storage, ConfigLoad& load) {
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

void read_storage(JsonReader r, Config::Storage& storage, ConfigLoad& load) {
  if (auto path = r.string("path", 1)) storage.path = std::move(*path);
  if (!storage.path.is_absolute()) r.error("path", "must be an absolute path");
  if (auto interval = r.integer("sync_interval_ms", 100, 600'000)) storage.sync_interval = milliseconds(*interval);
  if (auto free = r.integer("min_free_bytes", 0, kMostInteger)) storage.min_free_bytes = *free;
  set_given(storage.max_bytes, r.integer("max_bytes", 0, kMostInteger));
  if (auto age = r.integer("max_age_s", 0, kMostInteger)) storage.max_age = seconds(std::min(*age, kMostAgeSeconds));
  read_signing_key(r, storage, load);
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

// Loads them, as their schemes count from here on.
std::shared_ptr<const PluginSources> read_plugins(JsonReader r, ConfigLoad& load) {
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
  set_given(bridge.enabled, r.boolean("enabled"));
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

void read_document(JsonReader r, Config& config, ConfigLoad& load) {
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
  if (auto section = r.object("otlp")) read_otlp(*section, config.otlp, load.warnings);
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
  ConfigLoad load;
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
