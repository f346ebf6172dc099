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

template <typename Camera>
std::vector<Camera> cameras_of(const Config& config) {
  std::vector<Camera> cameras;
  for (const auto& [id, camera] : config.cameras)
    if (camera.enabled) cameras.push_back({id, camera.record == Config::Record::command});
  return cameras;
}

Json sensor(const std::string& name, const std::string& topic, const std::string& member, const char* unit) {
  Json out = {{"platform", "sensor"},         {"name", name},
              {"state_topic", topic},         {"value_template", "{{ value_json." + member + " }}"},
              {"state_class", "measurement"}, {"entity_category", "diagnostic"}};
  if (unit) out["unit_of_measurement"] = unit;
  return out;
}

}  // namespace

HomeAssistant::HomeAssistant(const Config& config)
    : on_(config.home_assistant.enabled),
      images_(config.image_interval != 0s),
      device_id_(config.device_id),
      base_(base_topic(config)),
      prefix_(config.home_assistant.discovery_prefix),
      uploads_(config.upload.target != Config::UploadTarget::none),
      cameras_(cameras_of<Camera>(config)) {}

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
  const auto camera =
      std::find_if(cameras_.begin(), cameras_.end(), [&](const Camera& one) { return one.id == parts[0]; });
  if (camera == cameras_.end()) return {};

  std::string verb;
  Json params = {{"camera_id", camera->id}};
  if (parts[1] == "recording" && parts[2] == "set" && camera->on_command) {
    if (message.payload == "ON") verb = "recording.start";
    if (message.payload == "OFF") verb = "recording.stop";
  } else if (parts[1] == "snapshot" && parts[2] == "press" && message.payload == "PRESS") {
    verb = "snapshot.take";
    params["deliver"] = uploads_ ? "upload" : "inline";
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

void HomeAssistant::add_camera(Json& components, const Camera& camera) const {
  const std::string state = base_ + "/camera/" + camera.id + "/state";
  const auto add = [&](const std::string& what, Json entity) {
    entity["unique_id"] = device_id_ + "_" + camera.id + "_" + what;
    components[camera.id + "_" + what] = std::move(entity);
  };
  add("connectivity", {{"platform", "binary_sensor"},
                       {"name", camera.id + " connectivity"},
                       {"device_class", "connectivity"},
                       {"entity_category", "diagnostic"},
                       {"state_topic", state},
                       {"value_template", "{{ 'ON' if value_json.state == 'streaming' else 'OFF' }}"}});
  const char* recording = "{{ 'ON' if value_json.recording.active else 'OFF' }}";
  if (camera.on_command)
    add("recording", {{"platform", "switch"},
                      {"name", camera.id + " recording"},
                      {"icon", "mdi:record-rec"},
                      {"state_topic", state},
                      {"value_template", recording},
                      {"command_topic", base_ + "/ha/" + camera.id + "/recording/set"},
                      {"payload_on", "ON"},
                      {"payload_off", "OFF"}});
  else
    add("recording", {{"platform", "binary_sensor"},
                      {"name", camera.id + " recording"},
                      {"device_class", "running"},
                      {"state_topic", state},
                      {"value_template", recording}});
  add("snapshot", {{"platform", "button"},
                   {"name", camera.id + " snapshot"},
                   {"icon", "mdi:camera"},
                   {"command_topic", base_ + "/ha/" + camera.id + "/snapshot/press"},
                   {"payload_press", "PRESS"}});
  if (images_)
    add("camera", {{"platform", "camera"}, {"name", camera.id}, {"topic", base_ + "/camera/" + camera.id + "/image"}});
  add("coverage",
      sensor(camera.id + " coverage of the last hour", base_ + "/telemetry/camera/" + camera.id, "coverage_pct", "%"));
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
  for (const Camera& camera : cameras_) add_camera(components, camera);
  return components;
}

mqtt::Message HomeAssistant::announcement() const {
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
      {"components", components()}};
  mqtt::Message message;
  message.topic = prefix_ + "/device/vedette_" + device_id_ + "/config";
  message.payload = to_text(body);
  message.retain = true;
  message.content_type = "application/json";
  message.utf8 = true;
  return message;
}

}  // namespace vedette
