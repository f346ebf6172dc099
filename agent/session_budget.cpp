#include "agent/session_budget.h"

namespace vedette {

SessionBudget::SessionBudget(const Config& config) : config_(config) {
  for (const auto& [id, camera] : config.cameras) taken_[id] = camera.enabled ? 1 : 0;
}

Status SessionBudget::take(const std::string& camera_id) {
  const int most = config_.cameras.at(camera_id).max_sessions;
  int& taken = taken_.at(camera_id);
  if (taken >= most)
    return fail(Code::busy, "all sessions that cameras." + camera_id + ".max_sessions allows (" + std::to_string(most) +
                                ") are in use; try again later, or allow more where the camera does");
  ++taken;
  return {};
}

}  // namespace vedette
