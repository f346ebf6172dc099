#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/event.h"
#include "agent/rate_limit.h"
#include "core/inbox.h"
#include "core/latest.h"
#include "mqtt/session.h"
#include "storage/command_log.h"

namespace vedette {

// CommandIntake takes commands off the broker, in the MQTT thread: it checks and decodes a message, writes its id to
// the command log, and passes it on to the main loop; what only asks is passed on first. Only when both are done may
// the session acknowledge the message, so a kill at any instant neither loses a command nor runs one twice.
//
// No more is passed on than the rate allows and the inbox holds; what stops something or makes room has a rate and room
// of its own beyond that, and is taken ahead of others (command_order.h).
//
// When the disk is too full for that, a command that makes room on it has a reserve given up for its sake; a question,
// which does no harm twice, is passed on and answered without; every other is refused.
class CommandIntake {
 public:
  // `give_up_reserve` is called in the MQTT thread.
  CommandIntake(std::string base_topic, const std::vector<std::string>& group_topics, CommandLog& log,
                Inbox<Event>& inbox, const Clock& clock, std::function<Status()> give_up_reserve);

  // Instead of those it was made with. Only while no session uses it.
  void set_groups(const std::vector<std::string>& group_topics);
  // The newest desired configuration that came (DesiredWaiting), as it came; nothing when it was taken already. Cut off
  // behind one byte more than it may have.
  std::optional<std::string> take_desired() { return desired_.take(); }

  // What to subscribe to.
  std::vector<std::pair<std::string, int>> subscriptions() const;
  void on_message(const mqtt::Message& message, bool retained);

 private:
  // A topic that commands come on, and what it may bring beside the rate of all together.
  struct Road {
    std::string prefix;  // "{B}/command/", "{root}/v1/group/{group}/command/"
    RateLimit rate;
  };
  Road* road_of(const std::string& topic);
  bool within_rate(Road& road, const std::string& verb);
  void refuse(ReplyTo to, Refusal refusal);
  void repeat(ReplyTo to, const std::string& reply);
  void accept(Decoded decoded);
  void pass_on(Decoded decoded);
  Result<std::optional<CommandRecord>> enter(const Decoded& decoded);

  const std::string base_topic_;
  const std::string desired_topic_;
  std::vector<Road> roads_;
  CommandLog& log_;
  Inbox<Event>& inbox_;
  Latest<std::string> desired_;
  const Clock& clock_;
  const std::function<Status()> give_up_reserve_;
  RateLimit rate_;                 // of all
  RateLimit ahead_rate_;           // of what goes ahead, when that is used up
  MonoTime next_anonymous_reply_;  // replies to what has no usable id: at most one a second
};

}  // namespace vedette
