#include "agent/long_commands.h"

#include <nlohmann/json.hpp>

namespace vedette {

using messages::Answer;

namespace {

Answer status_of(const std::string& command_id, const std::string& status) {
  return messages::succeeded({{"command_id", command_id}, {"status", status}});
}

}  // namespace

std::optional<Answer> LongCommands::cancel(const std::string& command_id, const ReplyTo& by) {
  Running& running = running_.at(command_id);
  running.cancelled = true;
  if (running.cancellers.size() >= kMostWaiting) return status_of(command_id, "in_progress");
  running.cancellers.push_back({by, clock_.mono() + kPatience});
  return std::nullopt;
}

std::pair<Answer, std::vector<LongCommands::Reply>> LongCommands::settle(const std::string& command_id, Answer answer) {
  auto node = running_.extract(command_id);
  if (node.empty() || !node.mapped().cancelled) return {std::move(answer), {}};
  if (answer.status != "succeeded") {
    answer.status = "cancelled";
    answer.error = {Code::cancelled, "command.cancel ended it"};
    answer.errors.clear();
  }
  std::vector<Reply> replies;
  for (Canceller& canceller : node.mapped().cancellers) {
    if (answer.status == "cancelled")
      replies.push_back({std::move(canceller.to), status_of(command_id, answer.status)});
    else
      replies.push_back(
          {std::move(canceller.to), messages::rejected({Code::conflict, "it was over before it could be cancelled"},
                                                       {{"command_id", command_id}, {"status", answer.status}})});
  }
  return {std::move(answer), std::move(replies)};
}

std::vector<LongCommands::Reply> LongCommands::impatient() {
  const MonoTime now = clock_.mono();
  std::vector<Reply> replies;
  for (auto& [id, running] : running_) {
    for (const Canceller& canceller : running.cancellers)
      if (canceller.until <= now) replies.push_back({canceller.to, status_of(id, "in_progress")});
    std::erase_if(running.cancellers, [&](const Canceller& canceller) { return canceller.until <= now; });
  }
  return replies;
}

}  // namespace vedette
