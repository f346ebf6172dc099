#include "agent/session.h"

#include <nlohmann/json.hpp>

#include "agent/from_config.h"
#include "agent/messages.h"
#include "agent/response_intake.h"
#include "core/ids.h"
#include "core/log.h"

namespace vedette {

Result<std::unique_ptr<mqtt::Session>> start_session(const Config& config, CommandIntake& intake,
                                                     const HomeAssistant& bridge, Inbox<Event>& inbox,
                                                     const Clock& clock, int number) {
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
  callbacks.on_connect = [&inbox, number, connection_id](bool resumed) {
    inbox.push(MqttConnected{number, *connection_id, resumed});
  };
  callbacks.on_subscribed = [&inbox, number](const std::vector<mqtt::RefusedFilter>& refused) {
    inbox.push(MqttSubscribed{number, refused});
  };
  callbacks.on_taken_over = [&inbox, number](bool announced) { inbox.push(MqttTakenOver{number, announced}); };
  callbacks.on_disconnect = [&inbox, number](const std::string& reason) {
    inbox.push(MqttDisconnected{number, reason});
  };
  const ResponseIntake responses(base_topic(config), inbox);
  callbacks.on_message = [&intake, &bridge, &inbox, &clock, responses](const mqtt::Message& message, bool retained) {
    if (responses.on_message(message, retained)) return;
    const HomeAssistant::Heard heard = bridge.hear(message, retained, clock.utc());
    // One of a flood is worth as much as all of them.
    if (heard.came_up && !inbox.try_push(HomeAssistantCameUp{})) log::debug("Home Assistant is not told again");
    intake.on_message(heard.command ? *heard.command : message, retained);
  };
  callbacks.on_published = [&inbox, number](uint64_t token, int reason) {
    inbox.push(MqttPublished{number, token, reason});
  };
  auto subscriptions = intake.subscriptions();
  if (config.upload.target == Config::UploadTarget::grant) subscriptions.emplace_back(responses.subscription(), 1);
  for (auto& subscription : bridge.subscriptions()) subscriptions.push_back(std::move(subscription));
  return mqtt::Session::start(session_config(config, std::move(subscriptions)), std::move(callbacks));
}

}  // namespace vedette
