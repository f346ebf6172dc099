// Whatever comes as B/config/desired: it is refused with places, or it makes a configuration that can be used, in which
// nothing is that must not come from afar. No file of a secret and no plug-in is looked at: the rules come first.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "agent/config_start.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const vedette::Document& file() {
  static const auto document = std::make_shared<const vedette::Json>(*vedette::parse_config(
      R"({"device_id": "edge-01", "storage": {"path": "/nowhere"}, "cameras": {"front": {"url": "rtsp://10.0.0.5/1"}},
          "remote_config": {"allow": ["cameras", "recording", "telemetry", "log", "storage", "upload", "mqtt",
                                      "encode"]}})"));
  return document;
}

const vedette::ComposedConfig& running() {
  static const auto composed = vedette::compose({file()}, std::nullopt, nullptr);
  return *composed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  const auto decoded = vedette::decode_desired(payload);
  require(decoded.desired.has_value() == decoded.errors.empty());
  if (!decoded.desired) return 0;
  require(decoded.version > 0 && decoded.desired->version == decoded.version);
  const auto next = vedette::compose({file()}, decoded.desired, &running().state.config);
  require(next.has_value());
  const vedette::Config& config = next->state.config;
  require(config.device_id == "edge-01" && config.storage.path == "/nowhere" && !config.plugins &&
          !config.live_frames.on());
  if (!next->refused.empty()) {
    require(next->version == 0);
    for (const auto& error : next->refused) require(error.path.starts_with("/config") && !error.message.empty());
    return 0;
  }
  require(next->version == decoded.version);
  require(config.mqtt.password.empty() && config.mqtt.topic_root == "vedette" && config.upload.prefix.empty());
  for (const auto& [id, camera] : config.cameras) require(camera.password.empty() && !camera.url.starts_with("file"));
  (void)vedette::plan_change(running().state, next->state);
  (void)vedette::to_text(vedette::redacted(*next->state.document));
  return 0;
}
