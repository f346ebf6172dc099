#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "mqtt/session.h"

namespace vedette {

// HomeAssistant makes the device and its cameras appear in Home Assistant by themselves (MQTT discovery of devices): a
// picture, whether it streams and records, a switch that records, a button that takes a snapshot, and figures of the
// device. Entities read the topics of the contract; what Home Assistant sends are plain words on topics of their own
// below B/ha/, which become commands like those of anybody else. Off unless it is configured. Holds no state:
// thread-safe.
class HomeAssistant {
 public:
  explicit HomeAssistant(const Config& config);

  bool on() const { return on_; }
  std::vector<std::pair<std::string, int>> subscriptions() const;

  struct Heard {
    std::optional<mqtt::Message> command{};  // to be taken as if it had come from the broker
    bool came_up = false;                    // Home Assistant was started: it has to be told anew
  };
  // What a message is about; nothing for those on other topics, for cameras that are unknown, and for other words.
  Heard hear(const mqtt::Message& message, bool retained, UtcTime now) const;

  // The retained message that describes the device, as its documentation of device discovery has it.
  mqtt::Message announcement() const;

 private:
  struct Camera {
    std::string id;
    bool on_command = false;  // recorded when somebody says so
  };
  Json components() const;
  void add_camera(Json& components, const Camera& camera) const;

  const bool on_;
  const bool images_;
  const std::string device_id_;
  const std::string base_;    // B
  const std::string prefix_;  // "homeassistant"
  const bool uploads_;        // snapshots go to the store, else into the reply
  const std::vector<Camera> cameras_;
};

}  // namespace vedette
