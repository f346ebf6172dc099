#include "agent/session_budget.h"

namespace vedette {

SessionBudget::SessionBudget(const Config& config) : config_(config) {
  for (const auto& [id, camera] : config.cameras) taken_[id] = camera.enabled ? 1 : 0;
}

void SessionBudget::follow(const Config& before) {
  const auto enabled = [](const Config& config, const std::string& id) {
    const auto camera = config.cameras.find(id);
    return camera != config.cameras.end() && camera->second.enabled ? 1 : 0;
  };
  for (const auto& [id, camera] : config_.cameras) taken_.try_emplace(id, 0);
  for (auto& [id, taken] : taken_) taken += enabled(config_, id) - enabled(before, id);
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
