#pragma once

#include <map>
#include <mutex>
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
// below B/ha/, which become commands like those of anybody else. Off unless it is configured. Belongs to the main loop,
// but for hear().
class HomeAssistant {
 public:
  // The configuration outlives it, and is looked at here and in follow_config().
  explicit HomeAssistant(const Config& config);

  // True: there is another announcement.
  bool follow_config();

  bool on() const { return on_; }
  std::vector<std::pair<std::string, int>> subscriptions() const;

  struct Heard {
    std::optional<mqtt::Message> command{};  // to be taken as if it had come from the broker
    bool came_up = false;                    // Home Assistant was started: it has to be told anew
  };
  // What a message is about; nothing for those on other topics, for cameras that are unknown, and for other words.
  // Thread-safe.
  Heard hear(const mqtt::Message& message, bool retained, UtcTime now) const;

  // The retained message that describes the device, as its documentation of device discovery has it. What was announced
  // and is not there any more is taken back in it, by its platform alone. `gone`: cameras of earlier runs.
  mqtt::Message announcement(const std::vector<std::string>& gone = {}) const;

 private:
  struct Camera {
    std::string id;
    bool on_command = false;  // recorded when somebody says so
    bool operator==(const Camera&) const = default;
  };
  // What of the configuration may change while it runs.
  struct View {
    bool images = false;
    bool uploads = false;  // snapshots go to the store, else into the reply
    std::vector<Camera> cameras{};
    bool operator==(const View&) const = default;
  };
  static View view_of(const Config& config);
  View view() const;
  Json components() const;
  Json camera_components(const View& view) const;

  const Config& config_;
  const bool on_;
  const std::string device_id_;
  const std::string base_;    // B
  const std::string prefix_;  // "homeassistant"
  mutable std::mutex mutex_;
  View view_;                                      // under mutex_
  std::map<std::string, std::string> taken_back_;  // components that were announced, and their platforms
};

}  // namespace vedette
