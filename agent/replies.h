#pragma once

#include <functional>
#include <string>
#include <utility>

#include "agent/command.h"
#include "agent/event.h"
#include "agent/messages.h"
#include "agent/publisher.h"
#include "agent/rate_limit.h"
#include "core/clock.h"
#include "storage/command_log.h"

namespace vedette {

// Replies answers commands: each final reply is kept in the command log, so that the same id gets the same reply for
// as long as it is known, and is published; and each is one line of the log, the audit in short, and is told to who
// counts and traces them. Belongs to the main loop; borrows all it uses, which outlives it.
class Replies {
 public:
  Replies(CommandLog& commands, Publisher& publisher, const Clock& clock)
      : commands_(commands), publisher_(publisher), clock_(clock) {}

  // Told of each command that has its final reply, once, and when it had it.
  using OnFinal = std::function<void(const ReplyTo&, const messages::Answer&, MonoTime end)>;
  void set_on_final(OnFinal on_final) { on_final_ = std::move(on_final); }

  void answer(const ReplyTo& to, const messages::Answer& answer);
  // A command that is not run. When it could not be entered, the same id may come again in good order.
  void refuse(const ReplyTo& to, const Refusal& refusal);
  // A command that came again: its stored reply, or that it is being carried out.
  void repeat(const ReplyTo& to, std::string stored);
  // Commands that a kill interrupted were perhaps carried out: they are not run again, but they are answered. Replies
  // that the broker perhaps did not get go out again.
  void answer_interrupted();
  // Enters which replies the broker has. To be called every second, and at the end.
  void enter_told();

 private:
  void store(const ReplyTo& to, const CommandOutcome& outcome);
  void log_answer(const ReplyTo& to, const messages::Answer& answer, MonoTime end);
  void log_refusal(const ReplyTo& to, const messages::Answer& answer, MonoTime end);

  CommandLog& commands_;
  Publisher& publisher_;
  const Clock& clock_;
  OnFinal on_final_;
  // Of refusals that leave no row: who sends a thousand a second must not fill the log.
  RateLimit refusal_lines_{1s, 20};
  uint64_t refusals_unsaid_ = 0;
};

}  // namespace vedette
