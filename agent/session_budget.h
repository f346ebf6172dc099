#pragma once

#include <map>
#include <string>

#include "agent/config.h"
#include "core/result.h"

namespace vedette {

// SessionBudget keeps the agent from having more sessions with a camera than cameras.*.max_sessions: many cameras serve
// only a few, and lock out whoever asks for more. A camera that is enabled has one for as long as the agent runs, be it
// connected or not. Belongs to the main loop.
class SessionBudget {
 public:
  explicit SessionBudget(const Config& config);

  // After the configuration has changed: cameras come, and are switched on and off.
  void follow(const Config& before);
  // One session more; busy, with the remedy, when there are as many as may be.
  Status take(const std::string& camera_id);
  void give_back(const std::string& camera_id) { --taken_.at(camera_id); }

 private:
  const Config& config_;
  std::map<std::string, int> taken_;
};

}  // namespace vedette
