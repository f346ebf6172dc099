#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/remote_config.h"
#include "agent/schedule.h"
#include "core/ed25519.h"
#include "core/json.h"
#include "core/log.h"
#include "core/result.h"
#include "http/guard.h"
#include "media/encode_settings.h"
#include "sources/events/camera_event.h"
#include "storage/clip.h"
#include "storage/outbox_limits.h"

namespace vedette {

class PluginSources;

// What is done when a camera notices something.
struct EventRule {
  CameraEventType type = CameraEventType::motion;
  milliseconds pre_roll{0};
  milliseconds post_roll{10'000};
  std::vector<std::string> labels;  // of the recording
};

// The configuration, typed, with every default in this one place. schemas/config.schema.json is its reference.
// Secrets are resolved: the strings here are the secrets themselves, known to the redactor.
struct Config {
  // What waits for the broker, and how fast it goes when that is back.
  struct Outbox {
    OutboxLimits limits;
    int drain_per_s = 200;
  };
  struct Mqtt {
    std::vector<std::string> urls = {"mqtt://127.0.0.1:1883"};
    std::string topic_root = "vedette";
    std::vector<std::string> groups;
    Outbox outbox;
    int version = 5;
    seconds keepalive{30};
    std::string username;
    std::string password;
    std::string ca_file, cert_file, key_file;
    std::string alpn;           // empty: none
    seconds return_after{300};  // to the first of `urls`; 0: never
  };
  struct Storage {
    std::filesystem::path path = "/var/lib/vedette";
    milliseconds sync_interval{2000};
    int64_t max_bytes = 0;  // of all clips; these three: 0 is no limit
    seconds max_age{0};
    int64_t min_free_bytes = 1 << 30;
    std::shared_ptr<const SigningKey> signing_key;  // of manifests; null: they are not signed
  };
  enum class UploadTarget { s3, directory, grant, none };
  struct CredentialsEndpoint {
    std::string url, ca_file, cert_file, key_file;
    std::optional<std::string> thing_name;  // unless given: the device's id; "": none
  };
  struct Upload {
    UploadTarget target = UploadTarget::directory;
    std::string endpoint, bucket, region = "us-east-1", prefix;
    std::vector<std::string> fallback_endpoints;
    seconds return_after{300};  // to `endpoint`, from one of these; 0: never
    bool path_style = true;
    bool delete_after_upload = false;
    bool manifest = true;
    bool poster = true;
    Schedule windows;  // outside of them nothing goes but what is forced; empty: always
    int64_t part_size_bytes = 8 << 20;
    int64_t max_bandwidth_bps = 0;  // 0: no limit
    std::string access_key_id, secret_access_key, session_token;
    // Where they were read from, and are again when they change; empty: they stay.
    std::string access_key_id_file, secret_access_key_file, session_token_file;
    std::optional<CredentialsEndpoint> credentials_endpoint;  // instead of all these
    std::vector<std::string> grant_origins;                   // where a grant may send to; empty: anywhere, by https
    std::string ca_file;
    std::string proxy;  // http://host[:port]; empty: what the environment says
    std::string proxy_username, proxy_password;
    // What every object is stored with; empty: as the store does it by itself.
    std::string storage_class, server_side_encryption, kms_key_id;
    std::vector<std::pair<std::string, std::string>> tags;
    std::vector<std::pair<std::string, std::string>> metadata;  // without x-amz-meta-
    std::filesystem::path directory;                            // default: {storage.path}/objects
  };
  struct Recording {
    milliseconds pre_roll{0};
    seconds segment{300};
    seconds longest{3600};
    AudioPolicy audio = AudioPolicy::copy;
    TimeZone time_zone = TimeZone::of_machine();  // of schedules that name none
  };
  // Where programs on this machine read frames; neither socket: nowhere.
  struct LiveFrames {
    std::filesystem::path unix_path;
    std::string listen;  // host:port
    size_t max_clients = 64;
    size_t max_frame_bytes = 10 * 1024 * 1024;
    seconds peer_timeout{10};

    bool on() const { return !unix_path.empty() || !listen.empty(); }
  };
  // Where figures can be asked for; no address: nowhere.
  struct Http {
    std::string listen;                // as listen_address() takes it
    std::vector<HttpToken> tokens;     // of all keys that name one
    bool open = true;                  // pages need none
    std::vector<std::string> proxies;  // whose X-Forwarded-For is believed, as TrustedProxies takes them
    int64_t import_most_bytes = 0;     // of a clip that is handed in; 0: none is taken

    HttpGuard guard() const { return {tokens, open ? HttpGuard::Pages::open : HttpGuard::Pages::closed}; }
  };
  // The OpenTelemetry collector that spans and metrics are sent to; no endpoint: none.
  struct Otlp {
    std::string endpoint;                                      // http(s)://host[:port][/path]
    std::vector<std::pair<std::string, std::string>> headers;  // of each request; their values are secrets
    std::string ca_file;                                       // empty: the system's
    seconds interval{30};
    bool metrics = true;  // besides spans
  };
  enum class Record { command, continuous, schedule };
  // A camera's stream of full size, and its small one.
  enum class Profile { main, sub };
  struct SubProfile {
    std::string url;
    std::string transport;
  };
  struct Camera {
    std::string url;  // of the main profile
    std::string username;
    std::string password;
    std::string transport = "tcp";
    std::string ca_file;  // of rtsps://, https:// and http_tls; empty: the system's
    seconds stall_timeout{8};
    seconds ring{30};
    size_t ring_most_bytes = 32 * 1024 * 1024;
    Record record = Record::command;
    Schedule schedule;      // with Record::schedule
    int64_t max_bytes = 0;  // of its clips; 0: no limit
    bool enabled = true;
    bool events = false;      // hear what it notices
    uint16_t http_port = 80;  // where it is asked other things than its stream
    bool http_tls = false;    // by HTTPS
    seconds event_hold{10};   // an event goes on for so long while nothing is heard of it
    std::vector<EventRule> on_event;
    std::optional<SubProfile> sub;
    Profile record_profile = Profile::main;  // sub only when there is one
    int max_sessions = 2;
    std::optional<EncodeSettings> encode;  // of raw pictures; nothing: what the kind of source finds best
  };

  struct HomeAssistant {
    bool enabled = false;
    std::string discovery_prefix = "homeassistant";
  };

  std::string device_id;  // default: the host's name, when it is a valid id
  Mqtt mqtt;
  Storage storage;
  Upload upload;
  Recording recording;
  LiveFrames live_frames;
  HomeAssistant home_assistant;
  Http http;
  Otlp otlp;
  seconds telemetry_interval{30};
  seconds image_interval{0};  // of the cameras' images over MQTT; 0: none
  int image_width_px = 640;
  milliseconds latency_alarm{1000};  // p99 of a stage that is too long; 0: none is
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
  int encode_slots = 0;                          // encoders at once; 0: as many as there are processors
  std::shared_ptr<const PluginSources> plugins;  // loaded; null: none
  std::map<std::string, Camera> cameras;
  RemoteConfig remote;
};

std::string_view profile_name(Config::Profile profile);

struct LoadedConfig {
  Config config;
  std::vector<std::string> warnings;  // "/mqtt/password: ...", to be logged once
};

// Reads and checks a configuration file. All errors at once, each with its JSON Pointer; "/" for the file as a whole.
struct ConfigErrors {
  std::vector<FieldError> errors;
};
tl::expected<LoadedConfig, ConfigErrors> load_config(const std::filesystem::path& path);
// The same for text, as tests need it.
tl::expected<LoadedConfig, ConfigErrors> read_config(std::string_view text);
// The text as a document, not checked yet.
tl::expected<Json, ConfigErrors> parse_config(std::string_view text);
tl::expected<Json, ConfigErrors> parse_config_file(const std::filesystem::path& path);
// `running`: what is in force already, whose plug-ins serve on; no other is loaded. Null: they are loaded.
tl::expected<LoadedConfig, ConfigErrors> read_config(const Json& document, const Config* running);

}  // namespace vedette
