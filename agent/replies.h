#pragma once

#include <string>

#include "agent/command.h"
#include "agent/event.h"
#include "agent/messages.h"
#include "agent/publisher.h"
#include "core/clock.h"
#include "storage/command_log.h"

namespace vedette {

// Replies answers commands: each final reply is kept in the command log, so that the same id gets the same reply for
// as long as it is known, and is published; and each is one line of the log, the audit in short. Belongs to the main
// loop; borrows all it uses, which outlives it.
class Replies {
 public:
  Replies(CommandLog& commands, Publisher& publisher, const Clock& clock)
      : commands_(commands), publisher_(publisher), clock_(clock) {}

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
  void log_answer(const ReplyTo& to, const messages::Answer& answer);

  CommandLog& commands_;
  Publisher& publisher_;
  const Clock& clock_;
  MonoTime next_refusal_line_;
  uint64_t refusals_unsaid_ = 0;
};

}  // namespace vedette
