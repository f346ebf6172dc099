#include "agent/home_assistant.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/from_config.h"
#include "core/ids.h"
#include "core/text.h"

namespace vedette {

namespace {

constexpr const char* kActor = "home-assistant";
constexpr const char* kReplyTo = "home-assistant";

// What a camera is made of there. A component never changes its platform: Home Assistant would keep both.
constexpr const char* kConnectivity = "connectivity";
constexpr const char* kRecording = "recording";
constexpr const char* kIsRecording = "is_recording";
constexpr const char* kSnapshot = "snapshot";
constexpr const char* kCamera = "camera";
constexpr const char* kCoverage = "coverage";
constexpr std::pair<const char*, const char*> kPlatforms[] = {
    {kConnectivity, "binary_sensor"},
    {kRecording, "switch"},
    {kIsRecording, "binary_sensor"},
    {kSnapshot, "button"},
    {kCamera, "camera"},
    {kCoverage, "sensor"},
};

Json sensor(const std::string& name, const std::string& topic, const std::string& member, const char* unit) {
  Json out = {{"platform", "sensor"},         {"name", name},
              {"state_topic", topic},         {"value_template", "{{ value_json." + member + " }}"},
              {"state_class", "measurement"}, {"entity_category", "diagnostic"}};
  if (unit) out["unit_of_measurement"] = unit;
  return out;
}

}  // namespace

HomeAssistant::HomeAssistant(const Config& config)
    : config_(config),
      on_(config.home_assistant.enabled),
      device_id_(config.device_id),
      base_(base_topic(config)),
      prefix_(config.home_assistant.discovery_prefix),
      view_(view_of(config)) {}

HomeAssistant::View HomeAssistant::view_of(const Config& config) {
  View view{config.image_interval != 0s, config.upload.target != Config::UploadTarget::none};
  for (const auto& [id, camera] : config.cameras)
    if (camera.enabled) view.cameras.push_back({id, camera.record == Config::Record::command});
  return view;
}

HomeAssistant::View HomeAssistant::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

bool HomeAssistant::follow_config() {
  if (!on_) return false;
  const View before = view();
  View now = view_of(config_);
  if (now == before) return false;
  const Json earlier = camera_components(before);
  const Json announced = camera_components(now);
  for (const auto& [key, entity] : earlier.items())
    if (!announced.contains(key)) taken_back_[key] = entity.at("platform");
  for (const auto& [key, entity] : announced.items()) taken_back_.erase(key);
  const std::lock_guard lock(mutex_);
  view_ = std::move(now);
  return true;
}

std::vector<std::pair<std::string, int>> HomeAssistant::subscriptions() const {
  if (!on_) return {};
  return {{prefix_ + "/status", 1}, {base_ + "/ha/+/recording/set", 1}, {base_ + "/ha/+/snapshot/press", 1}};
}

HomeAssistant::Heard HomeAssistant::hear(const mqtt::Message& message, bool retained, UtcTime now) const {
  if (!on_) return {};
  // Its own status may be retained; a word that was is one of long ago.
  if (message.topic == prefix_ + "/status") return {{}, message.payload == "online"};
  const std::string ours = base_ + "/ha/";
  if (retained || !message.topic.starts_with(ours)) return {};
  const auto parts = split(std::string_view(message.topic).substr(ours.size()), '/');
  if (parts.size() != 3) return {};
  const View now_there = view();
  const auto camera = std::find_if(now_there.cameras.begin(), now_there.cameras.end(),
                                   [&](const Camera& one) { return one.id == parts[0]; });
  if (camera == now_there.cameras.end()) return {};

  std::string verb;
  Json params = {{"camera_id", camera->id}};
  if (parts[1] == "recording" && parts[2] == "set" && camera->on_command) {
    if (message.payload == "ON") verb = "recording.start";
    if (message.payload == "OFF") verb = "recording.stop";
  } else if (parts[1] == "snapshot" && parts[2] == "press" && message.payload == "PRESS") {
    verb = "snapshot.take";
    params["deliver"] = now_there.uploads ? "upload" : "inline";
  }
  if (verb.empty()) return {};
  Heard heard;
  heard.command.emplace();
  heard.command->topic = base_ + "/command/" + verb;
  heard.command->payload = to_text({{"v", 1},
                                    {"id", new_id(now)},
                                    {"ts", to_rfc3339(now)},
                                    {"reply_to", kReplyTo},
                                    {"actor", kActor},
                                    {"params", std::move(params)}});
  return heard;
}

Json HomeAssistant::camera_components(const View& view) const {
  Json components = Json::object();
  for (const Camera& camera : view.cameras) {
    const std::string state = base_ + "/camera/" + camera.id + "/state";
    const auto add = [&](const std::string& what, Json entity) {
      entity["unique_id"] = device_id_ + "_" + camera.id + "_" + what;
      components[camera.id + "_" + what] = std::move(entity);
    };
    add(kConnectivity, {{"platform", "binary_sensor"},
                        {"name", camera.id + " connectivity"},
                        {"device_class", "connectivity"},
                        {"entity_category", "diagnostic"},
                        {"state_topic", state},
                        {"value_template", "{{ 'ON' if value_json.state == 'streaming' else 'OFF' }}"}});
    const char* recording = "{{ 'ON' if value_json.recording.active else 'OFF' }}";
    if (camera.on_command)
      add(kRecording, {{"platform", "switch"},
                       {"name", camera.id + " recording"},
                       {"icon", "mdi:record-rec"},
                       {"state_topic", state},
                       {"value_template", recording},
                       {"command_topic", base_ + "/ha/" + camera.id + "/recording/set"},
                       {"payload_on", "ON"},
                       {"payload_off", "OFF"}});
    else
      add(kIsRecording, {{"platform", "binary_sensor"},
                         {"name", camera.id + " recording"},
                         {"device_class", "running"},
                         {"state_topic", state},
                         {"value_template", recording}});
    add(kSnapshot, {{"platform", "button"},
                    {"name", camera.id + " snapshot"},
                    {"icon", "mdi:camera"},
                    {"command_topic", base_ + "/ha/" + camera.id + "/snapshot/press"},
                    {"payload_press", "PRESS"}});
    if (view.images)
      add(kCamera, {{"platform", "camera"}, {"name", camera.id}, {"topic", base_ + "/camera/" + camera.id + "/image"}});
    add(kCoverage, sensor(camera.id + " coverage of the last hour", base_ + "/telemetry/camera/" + camera.id,
                          "coverage_pct", "%"));
  }
  return components;
}

Json HomeAssistant::components() const {
  Json components = Json::object();
  const std::string system = base_ + "/telemetry/system";
  const auto add = [&](const std::string& what, Json entity) {
    entity["unique_id"] = device_id_ + "_" + what;
    components[what] = std::move(entity);
  };
  Json free = sensor("Free space", system, "disk_free_bytes", "B");
  free["device_class"] = "data_size";
  add("disk_free", std::move(free));
  add("cpu", sensor("CPU", system, "cpu_pct", "%"));
  add("uploads", sensor("Uploads that wait", system, "upload_queue_rows", nullptr));
  add("problem", {{"platform", "binary_sensor"},
                  {"name", "Problem"},
                  {"device_class", "problem"},
                  {"entity_category", "diagnostic"},
                  {"state_topic", base_ + "/status"},
                  {"value_template", "{{ 'OFF' if value_json.state == 'online' else 'ON' }}"}});
  components.update(camera_components(view()));
  return components;
}

mqtt::Message HomeAssistant::announcement(const std::vector<std::string>& gone) const {
  Json components = this->components();
  const auto take_back = [&](const std::string& key, const std::string& platform) {
    if (!components.contains(key)) components[key] = {{"platform", platform}};
  };
  for (const auto& [key, platform] : taken_back_) take_back(key, platform);
  for (const std::string& id : gone)
    for (const auto& [what, platform] : kPlatforms) take_back(id + "_" + what, platform);
  const Json body = {
      {"device",
       {{"identifiers", {"vedette_" + device_id_}},
        {"name", device_id_},
        {"manufacturer", "Vedette"},
        {"model", "Video agent"},
        {"sw_version", VEDETTE_VERSION}}},
      {"origin", {{"name", "vedette"}, {"sw_version", VEDETTE_VERSION}}},
      {"availability",
       {{{"topic", base_ + "/status"},
         {"value_template", "{{ 'online' if value_json.state in ['online', 'degraded'] else 'offline' }}"}}}},
      {"qos", 1},
      {"components", std::move(components)}};
  mqtt::Message message;
  message.topic = prefix_ + "/device/vedette_" + device_id_ + "/config";
  message.payload = to_text(body);
  message.retain = true;
  message.content_type = "application/json";
  message.utf8 = true;
  return message;
}

}  // namespace vedette
