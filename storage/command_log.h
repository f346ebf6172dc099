#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "storage/database.h"

namespace vedette {

// A command as it was received, before anything is done about it.
struct CommandRecord {
  std::string command_id;
  std::string verb;
  std::string actor;
  std::string reply_topic;
  std::string correlation;  // bytes
  UtcTime received_at;
  std::string reply;  // the final reply as sent; empty: not finished
};

// CommandLog makes commands idempotent: an id is written once, before the broker gets its acknowledgement, and its
// final reply is kept with it for 7 days. Thread-safe.
class CommandLog {
 public:
  static constexpr std::chrono::hours kKept{7 * 24};

  explicit CommandLog(Database& database);

  // Writes the command unless its id is there already; then gives the record that is.
  // A command that only asks needs no more than Durability::kill: after a power cut it may be answered once more.
  Result<std::optional<CommandRecord>> begin(const CommandRecord& command,
                                             Durability durability = Durability::power_cut);
  Result<std::optional<CommandRecord>> find(const std::string& command_id) const;
  Status finish(const std::string& command_id, const std::string& reply, Durability durability = Durability::power_cut);
  // Commands that were begun and not finished, oldest first: at start, those that a kill interrupted.
  Result<std::vector<CommandRecord>> unfinished() const;
  // Removes what is older than kKept; the number removed.
  Result<int> expire(UtcTime now);

 private:
  Database& database_;
};

}  // namespace vedette
