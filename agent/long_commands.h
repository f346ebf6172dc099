#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/command.h"
#include "agent/messages.h"

namespace vedette {

// LongCommands knows the commands that were accepted and are not over, and who wants which of them ended: whoever
// cancels one is answered when it is over, so that its answer says how. Belongs to the main loop.
class LongCommands {
 public:
  struct Reply {
    ReplyTo to;
    messages::Answer answer;
  };

  explicit LongCommands(const Clock& clock) : clock_(clock) {}

  void begin(const std::string& command_id) { running_.try_emplace(command_id); }
  bool runs(const std::string& command_id) const { return running_.count(command_id) > 0; }

  // `by` wants it ended, and is answered later; or at once, when too many want that already. It runs.
  std::optional<messages::Answer> cancel(const std::string& command_id, const ReplyTo& by);

  // It is over with that answer. One that was cancelled and did not come to an end all the same is `cancelled`, with
  // what it has. Then those who cancelled it are answered: the second part.
  std::pair<messages::Answer, std::vector<Reply>> settle(const std::string& command_id, messages::Answer answer);

  // To those whose command has not heeded them within kPatience. To be called every second or so.
  std::vector<Reply> impatient();

 private:
  static constexpr size_t kMostWaiting = 8;
  static constexpr seconds kPatience{5};

  struct Canceller {
    ReplyTo to;
    MonoTime until;
  };
  struct Running {
    bool cancelled = false;
    std::vector<Canceller> cancellers;
  };

  const Clock& clock_;
  std::map<std::string, Running> running_;  // by command id; bounded by what each verb lets wait
};

}  // namespace vedette
