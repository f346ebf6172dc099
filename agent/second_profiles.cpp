#include "agent/second_profiles.h"

#include "agent/from_config.h"
#include "core/log.h"

namespace vedette {

SecondProfiles::SecondProfiles(const Config& config, SessionBudget& budget, const Clock& clock)
    : config_(config), budget_(budget), clock_(clock) {}

Result<Camera*> SecondProfiles::use(const std::string& camera_id) {
  const Config::Camera& configured = config_.cameras.at(camera_id);
  if (!configured.sub) return fail(Code::not_found, "the camera has one profile only: cameras.*.sub is not configured");
  if (!configured.enabled) return fail(Code::camera_unavailable, "the camera is disabled in the configuration");
  auto it = open_.find(camera_id);
  if (it == open_.end()) {
    if (auto free = budget_.take(camera_id); !free) return free.error_as_is();
    it = open_.emplace(camera_id, Open{}).first;
  }
  Open& open = it->second;
  if (!open.camera || open.closing) {
    open.camera.reset();  // so that there are never two
    open.camera = std::make_unique<Camera>(
        second_camera_config(config_, camera_id), [](const std::string&, const CameraStatus&) {}, clock_);
    open.closing = false;
    log::info("the second profile is opened", {{"camera", open.camera->id()}});
  }
  ++open.users;
  return open.camera.get();
}

void SecondProfiles::release(const std::string& camera_id) {
  Open& open = open_.at(camera_id);
  --open.users;
  open.last_used = clock_.mono();
}

void SecondProfiles::close_unused() {
  for (auto it = open_.begin(); it != open_.end();) {
    Open& open = it->second;
    if (open.closing) {
      log::info("the second profile is closed", {{"camera", open.camera->id()}});
      open.camera.reset();
      budget_.give_back(it->first);
      it = open_.erase(it);
      continue;
    }
    if (open.users == 0 && clock_.mono() - open.last_used >= kLinger) {
      open.camera->request_stop();  // so that the main loop need not wait for the TEARDOWN
      open.closing = true;
    }
    ++it;
  }
}

void SecondProfiles::reconfigure(const std::string& camera_id) {
  const auto open = open_.find(camera_id);
  if (open == open_.end() || open->second.closing) return;
  const auto camera = config_.cameras.find(camera_id);
  CameraConfig off;
  off.enabled = false;
  const bool on = camera != config_.cameras.end() && camera->second.sub && camera->second.enabled;
  open->second.camera->reconfigure(on ? second_camera_config(config_, camera_id) : off, true);
}

void SecondProfiles::request_stop() {
  for (auto& [id, open] : open_) open.camera->request_stop();
}

}  // namespace vedette
