#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent_requests.h"
#include "agent/event.h"
#include "agent/long_commands.h"
#include "agent/messages.h"
#include "core/inbox.h"
#include "storage/command_log.h"

namespace vedette {

// AgentVerbs carries out what is asked of the agent itself, and about commands: command.cancel, audit.query,
// agent.rebirth, agent.log_level. Belongs to the main loop; borrows all it uses, which outlives it.
class AgentVerbs {
 public:
  // `log_level` is that of the configuration; `give_birth` publishes all retained state anew.
  AgentVerbs(const log::Level& log_level, CommandLog& commands, LongCommands& running, Inbox<Event>& inbox,
             std::function<void()> give_birth, const Clock& clock);

  // Asks the one who carries out long commands to give one up; false when it knows none of that id.
  using Canceller = std::function<bool(const std::string& command_id)>;
  void add_canceller(Canceller canceller) { cancellers_.push_back(std::move(canceller)); }

  // Nothing: the answer comes when the other command is over.
  std::optional<messages::Answer> cancel(const ReplyTo& to, const CommandCancel& request);
  messages::Answer audit(const AuditQueryRequest& request) const;
  messages::Answer rebirth();
  messages::Answer set_log_level(const ReplyTo& to, const AgentLogLevel& request);

  // Sets the log's level back when its time is over. To be called every second or so.
  void look_when_due(MonoTime now);

 private:
  const log::Level& log_level_;  // as configured now
  CommandLog& commands_;
  LongCommands& running_;
  Inbox<Event>& inbox_;
  const std::function<void()> give_birth_;
  const Clock& clock_;
  std::vector<Canceller> cancellers_;
  std::optional<MonoTime> log_level_until_;
};

}  // namespace vedette
