#include "agent/session.h"

#include <nlohmann/json.hpp>

#include "agent/from_config.h"
#include "agent/messages.h"
#include "core/ids.h"

namespace vedette {

Result<std::unique_ptr<mqtt::Session>> start_session(const Config& config, CommandIntake& intake, Inbox<Event>& inbox,
                                                     int number) {
  mqtt::SessionCallbacks callbacks;
  const auto connection_id = std::make_shared<std::string>();  // of the MQTT thread
  const std::string status_topic = base_topic(config) + "/status";
  callbacks.will = [connection_id, status_topic]() {
    *connection_id = new_id();
    mqtt::Message will;
    will.topic = status_topic;
    will.payload = to_text(messages::will(*connection_id));
    will.retain = true;
    will.content_type = "application/json";
    will.utf8 = true;
    return std::optional(will);
  };
  callbacks.on_connect = [&inbox, number, connection_id](bool) { inbox.push(MqttConnected{number, *connection_id}); };
  callbacks.on_disconnect = [&inbox, number](const std::string& reason) {
    inbox.push(MqttDisconnected{number, reason});
  };
  callbacks.on_message = [&intake](const mqtt::Message& message, bool retained) {
    intake.on_message(message, retained);
  };
  callbacks.on_published = [&inbox, number](uint64_t token, int reason) {
    inbox.push(MqttPublished{number, token, reason});
  };
  return mqtt::Session::start(session_config(config, intake.subscriptions()), std::move(callbacks));
}

}  // namespace vedette
