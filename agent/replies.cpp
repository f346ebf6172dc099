#include "agent/replies.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/log.h"

namespace vedette {

using messages::Answer;

// A reply is a row before it is a message, that to a question too: sent first, a kill in between would have it answered
// twice, and not alike (seen once in 76 commands of the kill campaign).
void Replies::answer(const ReplyTo& to, const Answer& answer) {
  const Json body = messages::reply(to, answer, clock_.mono());
  if (!messages::is_final(answer) || to.command_id.empty()) {
    publisher_.reply(to.topic, to.correlation, to.verb, body);
    return;
  }
  CommandOutcome outcome{{}, answer.status, std::string(code_name(answer.error.code)), answer.error.message, 0};
  outcome.message = body.value("message", "");
  outcome.took_ms = body.value("took_ms", int64_t{0});
  publisher_.reply(to.topic, to.correlation, to.verb, body, [&](std::string stored) {
    outcome.reply = std::move(stored);
    store(to, outcome);
  });
  const MonoTime end = clock_.mono();
  log_answer(to, answer, end);
  if (on_final_) on_final_(to, answer, end);
}

void Replies::store(const ReplyTo& to, const CommandOutcome& outcome) {
  if (const auto finished = commands_.finish(to.command_id, outcome, durability_of(to.verb)); !finished)
    log::error("a reply cannot be stored", {{"command_id", to.command_id}, {"reason", finished.error().message}});
}

void Replies::log_answer(const ReplyTo& to, const Answer& answer, MonoTime end) {
  log::info("command", {{"verb", to.verb},
                        {"command_id", to.command_id},
                        {"actor", to.actor.empty() ? std::string("unknown") : to.actor},
                        log::if_any("camera", to.camera_id),
                        {"status", answer.status},
                        {"code", code_name(answer.error.code)},
                        {"took_ms", to_ms(end - to.received)},
                        log::if_any("traceparent", to.traceparent)});
}

void Replies::refuse(const ReplyTo& to, const Refusal& refusal) {
  Answer outcome = messages::rejected(refusal.error);
  outcome.status = refusal.status;
  outcome.errors = refusal.errors;
  if (refusal.known) {
    answer(to, outcome);
    return;
  }
  publisher_.reply(to.topic, to.correlation, to.verb, messages::reply(to, outcome, clock_.mono()));
  const MonoTime end = clock_.mono();
  log_refusal(to, outcome, end);
  if (on_final_) on_final_(to, outcome, end);
}

void Replies::log_refusal(const ReplyTo& to, const Answer& answer, MonoTime end) {
  if (!refusal_lines_.take(end)) {
    ++refusals_unsaid_;
    return;
  }
  log::warn("command refused", {{"verb", to.verb},
                                {"command_id", to.command_id},
                                {"actor", to.actor},
                                {"status", answer.status},
                                {"code", code_name(answer.error.code)},
                                {"reason", answer.error.message},
                                log::if_any("traceparent", to.traceparent),
                                {"refused_before", std::exchange(refusals_unsaid_, 0)}});
}

void Replies::repeat(const ReplyTo& to, std::string stored) {
  if (stored.empty())  // it may have been finished since the message came in
    if (const auto record = commands_.find(to.command_id); record && *record) stored = (*record)->reply;
  if (!stored.empty()) {
    publisher_.reply_again(to.topic, to.correlation, to.verb, stored);
    return;
  }
  const Answer outcome = messages::rejected({Code::duplicate_in_progress, "this command is being carried out"});
  publisher_.reply(to.topic, to.correlation, to.verb, messages::reply(to, outcome, clock_.mono()));
}

void Replies::answer_interrupted() {
  const auto untold = commands_.untold();
  const auto unfinished = commands_.unfinished();
  if (!unfinished || !untold) {
    log::error("the command log cannot be read", {{"reason", (unfinished ? untold : unfinished).error().message}});
    return;
  }
  for (const CommandRecord& record : *untold)
    publisher_.reply_again(record.reply_topic, record.correlation, record.verb, record.reply);
  for (const CommandRecord& record : *unfinished) {
    ReplyTo to{record.reply_topic, record.correlation, record.command_id,
               record.verb,        record.traceparent, clock_.mono()};
    to.actor = record.actor;
    to.camera_id = record.camera_id;
    answer(to, messages::failed({Code::internal, "the agent was interrupted while it carried out this command"}));
  }
}

void Replies::enter_told() {
  const std::vector<std::string> told = publisher_.take_told();
  if (const auto entered = commands_.told(told); !entered && !told.empty())
    log::warn("that replies were sent cannot be entered", {{"reason", entered.error().message}});
}

}  // namespace vedette
