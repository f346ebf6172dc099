#pragma once

#include <string>

#include "agent/event.h"
#include "core/inbox.h"
#include "mqtt/session.h"

namespace vedette {

// ResponseIntake takes the backend's answers off the broker, in the MQTT thread: what is not an answer in good order is
// passed on as an error, so that it is counted, and when the inbox is full it is dropped, as the request is repeated.
class ResponseIntake {
 public:
  ResponseIntake(const std::string& base_topic, Inbox<Event>& inbox)
      : prefix_(base_topic + "/response/"), inbox_(inbox) {}

  std::string subscription() const { return prefix_ + "+"; }
  // False: it is no response.
  bool on_message(const mqtt::Message& message, bool retained) const;

 private:
  const std::string prefix_;
  Inbox<Event>& inbox_;
};

}  // namespace vedette
