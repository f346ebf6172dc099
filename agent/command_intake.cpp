#include "agent/command_intake.h"

#include "agent/command_order.h"
#include "agent/config_document.h"
#include "core/log.h"

namespace vedette {

namespace {

// 20 a second, 50 at once (contract, section 3). A group brings half of that, so that a flood for all of its devices
// leaves room for what is meant for this one. What goes ahead has 10 a second, 20 at once, beyond the rate of all.
RateLimit of_device() {
  return {50ms, 50};
}
RateLimit of_group() {
  return {100ms, 25};
}
RateLimit of_what_goes_ahead() {
  return {100ms, 20};
}

// Refusals waiting to be sent; one is half a kilobyte.
constexpr size_t kMostRefused = 4096;

}  // namespace

CommandIntake::CommandIntake(std::string base_topic, const std::vector<std::string>& group_topics, CommandLog& log,
                             Inbox<Event>& inbox, const Clock& clock, std::function<Status()> give_up_reserve)
    : base_topic_(std::move(base_topic)),
      desired_topic_(base_topic_ + "/config/desired"),
      log_(log),
      inbox_(inbox),
      clock_(clock),
      give_up_reserve_(std::move(give_up_reserve)),
      rate_(of_device()),
      ahead_rate_(of_what_goes_ahead()) {
  set_groups(group_topics);
}

void CommandIntake::set_groups(const std::vector<std::string>& group_topics) {
  roads_.clear();
  roads_.push_back({base_topic_ + "/command/", of_device()});
  for (const std::string& group : group_topics) roads_.push_back({group + "/command/", of_group()});
}

std::vector<std::pair<std::string, int>> CommandIntake::subscriptions() const {
  std::vector<std::pair<std::string, int>> out;
  for (const Road& road : roads_) out.emplace_back(road.prefix + "+", 1);
  out.emplace_back(desired_topic_, 1);
  return out;
}

CommandIntake::Road* CommandIntake::road_of(const std::string& topic) {
  for (Road& road : roads_)
    if (topic.size() > road.prefix.size() && topic.starts_with(road.prefix)) return &road;
  return nullptr;
}

bool CommandIntake::within_rate(Road& road, const std::string& verb) {
  const MonoTime now = clock_.mono();
  if (road.rate.has(now) && rate_.take(now)) return road.rate.take(now);
  return goes_ahead(verb) && ahead_rate_.take(now);
}

void CommandIntake::refuse(ReplyTo to, Refusal refusal) {
  if (to.command_id.empty()) {
    const MonoTime now = clock_.mono();
    if (now < next_anonymous_reply_) return;
    next_anonymous_reply_ = now + 1s;
  }
  CommandRefused refused{std::move(to), std::move(refusal)};
  // One that was entered in the log must be answered. A flood of others is worth so much room and no more.
  if (refused.refusal.known)
    inbox_.push(std::move(refused));
  else if (!inbox_.try_push(std::move(refused), kMostRefused))
    log::debug("a refused command is not answered: too many are waiting");
}

void CommandIntake::repeat(ReplyTo to, const std::string& reply) {
  if (!inbox_.try_push(CommandRepeated{std::move(to), reply}))
    log::debug("a repeated command is not answered: too many are waiting");
}

void CommandIntake::on_message(const mqtt::Message& message, bool retained) {
  if (message.topic == desired_topic_) {
    if (message.payload.empty()) return;  // cleared: what is in force stays
    if (desired_.put(message.payload.substr(0, kMostDesiredBytes + 1))) inbox_.push(DesiredWaiting{});
    return;
  }
  Road* road = road_of(message.topic);
  if (!road) return;
  inbox_.expect();
  if (retained && message.payload.empty()) return;  // a retained message that was cleared
  const std::string verb = message.topic.substr(road->prefix.size());
  Decoded decoded = decode_command(message, retained, verb, base_topic_, clock_);
  if (const auto* refusal = std::get_if<Refusal>(&decoded.content); refusal && !refusal->known) {
    // One that came in time, and comes again when it has expired, has its answer.
    if (refusal->status == "expired" && !retained)
      if (const auto known = log_.find(decoded.reply_to.command_id); known && *known) {
        if (within_rate(*road, verb)) repeat(std::move(decoded.reply_to), (*known)->reply);
        return;
      }
    refuse(std::move(decoded.reply_to), *refusal);
    return;
  }
  if (!within_rate(*road, verb)) {
    // One that has its reply must not get another one: it is asked for again when there is time.
    if (const auto known = log_.find(decoded.reply_to.command_id); known && *known) return;
    refuse(std::move(decoded.reply_to),
           Refusal{"rejected", {Code::rate_limited, "more than 20 commands a second; try again"}, {}, false});
    return;
  }
  accept(std::move(decoded));
}

// What is in the log under its id, if anything is.
Result<std::optional<CommandRecord>> CommandIntake::enter(const Decoded& decoded) {
  const ReplyTo& to = decoded.reply_to;
  const CommandRecord record{to.command_id,
                             to.verb,
                             to.actor,
                             to.topic,
                             to.correlation,
                             clock_.utc(),
                             {},
                             to.camera_id,
                             durability_of(to.verb) == Durability::kill,
                             to.traceparent};
  auto before = log_.begin(record, durability_of(to.verb));
  const bool full = !before && before.error().code == Code::no_space;
  const Verb* verb = full ? find_verb(to.verb) : nullptr;
  if (!verb || !verb->makes_room || !std::holds_alternative<Request>(decoded.content)) return before;
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
  if (*before) return repeat(std::move(to), (*before)->reply);
  const std::string command_id = to.command_id;
  pass_on(std::move(decoded));
  if (const auto kept = log_.keep(command_id); !kept)
    log::warn("a question is not in the command log", {{"command_id", command_id}, {"reason", kept.error().message}});
}

void CommandIntake::pass_on(Decoded decoded) {
  ReplyTo& to = decoded.reply_to;
  if (auto* refusal = std::get_if<Refusal>(&decoded.content)) {
    refuse(std::move(to), std::move(*refusal));
    return;
  }
  Command command{to, std::get<Request>(std::move(decoded.content)), decoded.expires};
  if (goes_ahead(to.verb)) {
    const Command ahead = command;
    const auto pass = [&](const Event& earlier) { return may_pass(ahead, earlier); };
    if (inbox_.try_push_ahead(CommandArrived{std::move(command)}, pass)) return;
  } else if (inbox_.try_push(CommandArrived{std::move(command)})) {
    return;
  }
  refuse(std::move(to), Refusal{"rejected", {Code::busy, "too many commands are waiting; try again"}, {}, true});
}

}  // namespace vedette
