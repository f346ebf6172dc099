#include "agent/camera_config.h"

#include <algorithm>

#include "agent/encode_config.h"
#include "agent/event_config.h"
#include "agent/schedule_config.h"
#include "core/ids.h"
#include "core/redact.h"
#include "core/text.h"
#include "sources/source.h"
#include "sources/vendor_url.h"

namespace vedette {

namespace {

const std::initializer_list<std::string_view> kTransports = {"tcp", "udp", "auto", "multicast", "http"};

// The URL of either profile. Credentials in it are the camera's.
void read_url(JsonReader& r, std::string& url, const std::string& transport, Config::Camera& camera, ConfigLoad& load) {
  const auto given = r.require("url").string("url", 1);
  if (!given) return;
  url = with_credentials_in_front(*given);
  take_credentials(r.path() + "/url", url, camera.username, camera.password, load);
  const auto secrets = secrets_in_url(url);
  for (const std::string& secret : secrets) {
    add_secret(secret);
    add_secret(percent_decode(secret));
  }
  if (!secrets.empty()) load.warn(r.path() + "/url", "a password or token in the URL: nobody else may read this file");
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

void read_sub_profile(JsonReader r, Config::Camera& camera, ConfigLoad& load) {
  Config::SubProfile sub;
  sub.transport = camera.transport;
  set_given(sub.transport, r.choice("transport", kTransports));
  read_url(r, sub.url, sub.transport, camera, load);
  r.done();
  camera.sub = std::move(sub);
}

void read_profiles(JsonReader& r, Config::Camera& camera, ConfigLoad& load) {
  if (auto sub = r.object("sub")) read_sub_profile(*sub, camera, load);
  if (auto profile = r.choice("record_profile", {"main", "sub"}); profile == "sub") {
    camera.record_profile = Config::Profile::sub;
    if (!r.has("sub")) r.error("record_profile", "there is no sub");
  }
  if (auto sessions = r.integer("max_sessions", 1, 16)) camera.max_sessions = static_cast<int>(*sessions);
}

Config::Camera read_camera(JsonReader r, const Config::Recording& recording, ConfigLoad& load) {
  Config::Camera camera;
  set_given(camera.username, r.string("username"));
  read_secret(r, "password", camera.password, load);
  set_given(camera.transport, r.choice("transport", kTransports));
  set_given(camera.ca_file, r.string("ca_file", 1));
  if (auto stall = r.integer("stall_timeout_s", 1, 60)) camera.stall_timeout = seconds(*stall);
  read_url(r, camera.url, camera.transport, camera, load);
  if (auto ring = r.integer("ring_s", 1, 3600)) camera.ring = seconds(*ring);
  if (auto bytes = r.integer("ring_max_bytes", 65'536, 4LL << 30)) camera.ring_most_bytes = static_cast<size_t>(*bytes);
  set_given(camera.enabled, r.boolean("enabled"));
  if (auto record = r.choice("record", {"command", "continuous", "schedule"})) {
    if (*record == "continuous") camera.record = Config::Record::continuous;
    if (*record == "schedule") camera.record = Config::Record::schedule;
  }
  camera.schedule = read_schedule(r, recording.time_zone);
  const bool scheduled = camera.record == Config::Record::schedule;
  if (scheduled && !r.has("schedule")) r.error("schedule", "is required with record: schedule");
  if (!scheduled && !camera.schedule.empty())
    load.warn(r.path() + "/schedule", "has no effect without record: schedule");
  set_given(camera.max_bytes, r.integer("max_bytes", 0, kMostInteger));
  read_camera_events(r, recording.pre_roll, camera);
  read_profiles(r, camera, load);
  camera.encode = read_encode_settings(r);
  if (camera.encode && !camera.url.starts_with("v4l2:") && !camera.url.starts_with("test:"))
    load.warn(r.path() + "/encode", "has no effect: such a camera encodes by itself");
  r.done();
  return camera;
}

}  // namespace

void read_cameras(JsonReader r, Config& config, ConfigLoad& load) {
  for (const auto& [id, value] : r.members()) {
    if (!is_name(id)) {
      r.error(id, "is no camera id: must match ^[a-z0-9][a-z0-9_-]{0,62}$");
      continue;
    }
    config.cameras[id] = read_camera(JsonReader(*value, r.path() + "/" + id, load.errors), config.recording, load);
  }
}

}  // namespace vedette
