// The part of Recordings that follows the configuration while it changes.
#include <algorithm>

#include "agent/recordings.h"

namespace vedette {

void Recordings::end_all(const std::function<bool(const RecordingSpec&)>& which, const char* reason) {
  for (auto& [id, running] : running_) {
    if (!running.stop_reason.empty() || !which(running.recorder->spec())) continue;
    running.stop_reason = reason;
    running.recorder->stop(clock_.mono());
  }
}

bool Recordings::any_of(const std::string& camera_id) const {
  return std::any_of(running_.begin(), running_.end(),
                     [&](const auto& entry) { return entry.second.recorder->spec().camera_id == camera_id; });
}

void Recordings::follow(const ConfigPlan& plan) {
  constexpr const char* kReason = "config_changed";
  for (const auto& [id, change] : plan.cameras) {
    stages_[id];
    const auto of_camera = [&id = id](const RecordingSpec& spec) { return spec.camera_id == id; };
    if (change.off) end_all(of_camera, kReason);
    if (change.off || change.standing) {
      end_all([&](const RecordingSpec& spec) { return of_camera(spec) && is_standing(spec); }, kReason);
      standing_.erase(id);
    }
    if (change.off || change.noticed) {
      end_all([&](const RecordingSpec& spec) { return of_camera(spec) && spec.trigger == kEvent; }, kReason);
      std::erase_if(by_event_, [&id = id](const auto& by) { return by.first.first == id; });
    }
  }
}

}  // namespace vedette
