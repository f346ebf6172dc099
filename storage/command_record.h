#pragma once

#include <string>

#include "core/clock.h"

namespace vedette {

// A command as it was received, before anything is done about it.
struct CommandRecord {
  std::string command_id;
  std::string verb;
  std::string actor;
  std::string reply_topic;
  std::string correlation;  // bytes
  UtcTime received_at;
  std::string reply;        // the final reply as sent; empty: not finished
  std::string camera_id{};  // that it is about; empty: none
  bool only_asks = false;   // changes nothing
  std::string traceparent{};
};

// What became of a command.
struct CommandOutcome {
  std::string reply;   // as sent
  std::string status;  // and the members of the reply of these names
  std::string code;
  std::string message{};
  int64_t took_ms = 0;
};

}  // namespace vedette
