#include "agent/command_intake.h"

#include "agent/config_document.h"
#include "core/log.h"

namespace vedette {

CommandIntake::CommandIntake(std::string base_topic, const std::vector<std::string>& group_topics, CommandLog& log,
                             Inbox<Event>& inbox, const Clock& clock, std::function<Status()> give_up_reserve)
    : base_topic_(std::move(base_topic)),
      desired_topic_(base_topic_ + "/config/desired"),
      log_(log),
      inbox_(inbox),
      clock_(clock),
      give_up_reserve_(std::move(give_up_reserve)) {
  set_groups(group_topics);
}

void CommandIntake::set_groups(const std::vector<std::string>& group_topics) {
  command_prefixes_ = {base_topic_ + "/command/"};
  for (const std::string& group : group_topics) command_prefixes_.push_back(group + "/command/");
}

std::vector<std::pair<std::string, int>> CommandIntake::subscriptions() const {
  std::vector<std::pair<std::string, int>> out;
  for (const std::string& prefix : command_prefixes_) out.emplace_back(prefix + "+", 1);
  out.emplace_back(desired_topic_, 1);
  return out;
}

std::string CommandIntake::verb_of(const std::string& topic) const {
  for (const std::string& prefix : command_prefixes_)
    if (topic.starts_with(prefix)) return topic.substr(prefix.size());
  return {};
}

void CommandIntake::refuse(ReplyTo to, Refusal refusal) {
  if (to.command_id.empty()) {
    const MonoTime now = clock_.mono();
    if (now < next_anonymous_reply_) return;
    next_anonymous_reply_ = now + 1s;
  }
  CommandRefused refused{std::move(to), std::move(refusal)};
  // One that was entered in the log must be answered. A flood of others is only worth what the inbox holds.
  if (refused.refusal.known)
    inbox_.push(std::move(refused));
  else if (!inbox_.try_push(std::move(refused)))
    log::debug("a refused command is not answered: too many are waiting");
}

void CommandIntake::on_message(const mqtt::Message& message, bool retained) {
  if (message.topic == desired_topic_) {
    if (message.payload.empty()) return;  // cleared: what is in force stays
    if (desired_.put(message.payload.substr(0, kMostDesiredBytes + 1))) inbox_.push(DesiredWaiting{});
    return;
  }
  const std::string verb = verb_of(message.topic);
  if (verb.empty()) return;
  inbox_.expect();
  if (retained && message.payload.empty()) return;  // a retained message that was cleared
  Decoded decoded = decode_command(message, retained, verb, base_topic_, clock_.utc(), clock_.mono());
  if (const auto* refusal = std::get_if<Refusal>(&decoded.content); refusal && !refusal->known) {
    refuse(std::move(decoded.reply_to), *refusal);
    return;
  }
  accept(std::move(decoded));
}

// What is in the log under its id, if anything is.
Result<std::optional<CommandRecord>> CommandIntake::enter(const Decoded& decoded) {
  const ReplyTo& to = decoded.reply_to;
  const CommandRecord record{to.command_id, to.verb, decoded.actor, to.topic, to.correlation, clock_.utc(), {}};
  auto before = log_.begin(record, durability_of(to.verb));
  const bool full = !before && before.error().code == Code::no_space;
  const Verb* verb = full ? find_verb(to.verb) : nullptr;
  if (!verb || !std::holds_alternative<Request>(decoded.content)) return before;
  if (verb->only_asks) return std::optional<CommandRecord>();
  if (!verb->makes_room) return before;
  if (auto given = give_up_reserve_(); !given) return given.error_as_is();
  return log_.begin(record, durability_of(to.verb));
}

void CommandIntake::accept(Decoded decoded) {
  ReplyTo& to = decoded.reply_to;
  const auto before = enter(decoded);
  if (!before) {
    log::error("command log cannot be written", {{"command_id", to.command_id}, {"reason", before.error().message}});
    refuse(std::move(to), Refusal{"rejected", before.error(), {}, false});
    return;
  }
  if (*before) {
    if (!inbox_.try_push(CommandRepeated{std::move(to), (*before)->reply}))
      log::debug("a repeated command is not answered: too many are waiting");
    return;
  }
  if (auto* refusal = std::get_if<Refusal>(&decoded.content)) {
    refuse(std::move(to), std::move(*refusal));
    return;
  }
  Command command{to, std::move(decoded.actor), std::get<Request>(std::move(decoded.content))};
  if (inbox_.try_push(CommandArrived{std::move(command)})) return;
  refuse(std::move(to), Refusal{"rejected", {Code::busy, "too many commands are waiting; try again"}, {}, true});
}

}  // namespace vedette
