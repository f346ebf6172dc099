#pragma once

#include <string>
#include <vector>

#include "agent/event.h"
#include "core/inbox.h"
#include "mqtt/session.h"
#include "storage/command_log.h"

namespace vedette {

// CommandIntake takes commands off the broker, in the MQTT thread: it checks and decodes a message, writes its id to
// the command log, and passes it on to the main loop. Only when that is done may the session acknowledge the message,
// so a kill at any instant neither loses a command nor runs one twice.
class CommandIntake {
 public:
  CommandIntake(std::string base_topic, const std::vector<std::string>& group_topics, CommandLog& log,
                Inbox<Event>& inbox, const Clock& clock);

  // What to subscribe to.
  std::vector<std::pair<std::string, int>> subscriptions() const;
  void on_message(const mqtt::Message& message, bool retained);

 private:
  std::string verb_of(const std::string& topic) const;
  void refuse(ReplyTo to, Refusal refusal);
  void accept(Decoded decoded);

  const std::string base_topic_;
  std::vector<std::string> command_prefixes_;  // "{B}/command/", "{root}/v1/group/{group}/command/"
  CommandLog& log_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  MonoTime next_anonymous_reply_;  // replies to what has no usable id: at most one a second
};

}  // namespace vedette
