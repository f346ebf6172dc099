#include "agent/agent_verbs.h"

#include <nlohmann/json.hpp>

#include "core/redact.h"

namespace vedette {

using messages::Answer;

namespace {

Json to_json(const AuditEntry& entry) {
  Json json = {{"command_id", entry.command_id},
               {"verb", entry.verb},
               {"received_at", to_rfc3339(entry.received_at)},
               {"status", entry.status.empty() ? "in_progress" : entry.status}};
  if (!entry.actor.empty()) json["actor"] = redact(entry.actor);
  if (!entry.camera_id.empty()) json["camera_id"] = entry.camera_id;
  if (entry.status.empty()) return json;
  json["code"] = entry.code;
  if (!entry.message.empty()) json["message"] = entry.message;
  json["took_ms"] = entry.took_ms;
  return json;
}

}  // namespace

AgentVerbs::AgentVerbs(const log::Level& log_level, CommandLog& commands, LongCommands& running, Inbox<Event>& inbox,
                       std::function<void()> give_birth, const Clock& clock)
    : log_level_(log_level),
      commands_(commands),
      running_(running),
      inbox_(inbox),
      give_birth_(std::move(give_birth)),
      clock_(clock) {}

std::optional<Answer> AgentVerbs::cancel(const ReplyTo& to, const CommandCancel& request) {
  const std::string& id = request.command_id;
  const auto queued = inbox_.take_if([&](const Event& event) {
    const auto* arrived = std::get_if<CommandArrived>(&event);
    return arrived && arrived->command.reply_to.command_id == id;
  });
  if (queued) {
    running_.begin(id);
    inbox_.push(CommandDone{std::get<CommandArrived>(*queued).command.reply_to, messages::given_up(nullptr)});
    return running_.cancel(id, to);
  }
  if (running_.runs(id)) {
    bool heard = false;
    for (const Canceller& canceller : cancellers_) heard = heard || canceller(id);
    if (heard) return running_.cancel(id, to);
  }
  const auto known = commands_.find(id);
  if (!known) return messages::failed(known.error());
  if (!*known) return messages::rejected({Code::not_found, "/params/command_id: there is no such command"});
  if ((*known)->reply.empty())
    return messages::rejected({Code::conflict, "/params/command_id: " + (*known)->verb + " cannot be cancelled"});
  return messages::rejected({Code::conflict, "/params/command_id: the command is over"});
}

Answer AgentVerbs::audit(const AuditQueryRequest& request) const {
  const auto page = commands_.audit(request.query);
  if (!page) return messages::refused(page.error());
  Json commands = Json::array();
  for (const AuditEntry& entry : page->entries) commands.push_back(to_json(entry));
  return messages::succeeded({{"commands", std::move(commands)},
                              {"next_cursor", page->next_cursor.empty() ? Json(nullptr) : Json(page->next_cursor)}});
}

Answer AgentVerbs::rebirth() {
  give_birth_();
  return messages::succeeded(Json::object());
}

Answer AgentVerbs::set_log_level(const ReplyTo& to, const AgentLogLevel& request) {
  log::warn("the log level is set", {{"level", log::level_name(request.level)},
                                     {"for_s", request.ttl.count()},
                                     {"actor", to.actor},
                                     {"command_id", to.command_id}});
  log::set_level(request.level);
  log_level_until_ = clock_.mono() + request.ttl;
  return messages::succeeded({{"level", log::level_name(request.level)},
                              {"until", to_rfc3339(clock_.utc() + request.ttl)},
                              {"configured", log::level_name(log_level_)}});
}

void AgentVerbs::look_when_due(MonoTime now) {
  if (!log_level_until_ || now < *log_level_until_) return;
  log_level_until_.reset();
  log::set_level(log_level_);
  log::warn("the log level is that of the configuration again", {{"level", log::level_name(log_level_)}});
}

}  // namespace vedette
