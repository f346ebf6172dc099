#include "agent/camera_events.h"

#include <nlohmann/json.hpp>

#include "agent/messages.h"
#include "core/log.h"
#include "core/redact.h"

namespace vedette {

bool is_down(CameraState state) {
  return state != CameraState::streaming && state != CameraState::connecting && state != CameraState::disabled;
}

bool CameraEvents::note(const CameraChanged& change) {
  const std::string& id = change.camera_id;
  const CameraState state = change.status.state;
  const auto [known, is_first] = last_state_.try_emplace(id, state);
  if (!is_first && known->second == state) return false;
  known->second = state;
  if (is_down(state)) {
    const std::string message = redact(change.status.error);
    if (state == CameraState::stalled) add("camera.stalled", id, {{"message", message}});
    add("camera.down", id, {{"reason", state_name(state)}, {"message", message}});
  }
  if (state != CameraState::streaming) return false;
  log::info("camera is streaming", {{"camera", id}});
  add("camera.up", id, messages::camera_up(change.status, cameras_.at(id)->figures().reconnects_total));
  return true;
}

void CameraEvents::add(const char* type, const std::string& camera_id, const Json& data) {
  outbox_.note(make_event(type, camera_id, data, clock_.utc()));
}

}  // namespace vedette
