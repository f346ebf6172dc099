#include "agent/replies.h"

#include <nlohmann/json.hpp>

#include "core/log.h"

namespace vedette {

using messages::Answer;

namespace {

// What was asked is in the log by then; this says what came of it.
void log_answer(const ReplyTo& to, const Answer& answer) {
  log::write(answer.status == "failed" ? log::Level::warn : log::Level::debug, "command answered",
             {{"verb", to.verb},
              log::if_any("command_id", to.command_id),
              {"status", answer.status},
              {"code", code_name(answer.error.code)},
              log::if_any("error", answer.error.message)});
}

}  // namespace

// The reply to what changed something is a row before it is a message; the reply to a question is sent first.
void Replies::answer(const ReplyTo& to, const Answer& answer) {
  const bool is_final = answer.status != "accepted";
  if (is_final) log_answer(to, answer);
  const bool store_first = durability_of(to.verb) == Durability::power_cut;
  std::string unstored;
  publisher_.reply(to.topic, to.correlation, to.verb, messages::reply(to, answer, clock_.mono()),
                   [&](std::string stored) {
                     if (!is_final || to.command_id.empty()) return;
                     if (store_first)
                       store(to, stored);
                     else
                       unstored = std::move(stored);
                   });
  if (!unstored.empty()) store(to, unstored);
}

void Replies::store(const ReplyTo& to, const std::string& stored) {
  if (const auto finished = commands_.finish(to.command_id, stored, durability_of(to.verb)); !finished)
    log::error("a reply cannot be stored", {{"command_id", to.command_id}, {"reason", finished.error().message}});
}

void Replies::refuse(const ReplyTo& to, const Refusal& refusal) {
  Answer outcome = messages::rejected(refusal.error);
  outcome.status = refusal.status;
  outcome.errors = refusal.errors;
  if (refusal.known)
    answer(to, outcome);
  else
    publisher_.reply(to.topic, to.correlation, to.verb, messages::reply(to, outcome, clock_.mono()));
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
  const auto unfinished = commands_.unfinished();
  if (!unfinished) {
    log::error("the command log cannot be read", {{"reason", unfinished.error().message}});
    return;
  }
  for (const CommandRecord& record : *unfinished) {
    const ReplyTo to{record.reply_topic, record.correlation, record.command_id, record.verb, {}, clock_.mono()};
    answer(to, messages::failed({Code::internal, "the agent was interrupted while it carried out this command"}));
  }
}

}  // namespace vedette
