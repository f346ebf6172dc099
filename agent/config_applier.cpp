#include "agent/config_applier.h"

#include <algorithm>

#include "agent/event_feeds.h"
#include "agent/frame_streams.h"
#include "agent/from_config.h"
#include "agent/latency_watch.h"
#include "agent/recordings.h"
#include "agent/second_profiles.h"
#include "agent/session_budget.h"
#include "agent/snapshots.h"
#include "agent/status_board.h"
#include "agent/storage_keeper.h"
#include "core/log.h"
#include "media/encoder_slots.h"

namespace vedette {

ConfigApplier::ConfigApplier(ConfigState& in_force, Cameras& cameras, Cameras& removed, ConfigUsers users,
                             Inbox<Event>& inbox, const Clock& clock)
    : in_force_(in_force),
      cameras_(cameras),
      removed_(removed),
      users_(std::move(users)),
      inbox_(inbox),
      clock_(clock) {}

void ConfigApplier::make_cameras() {
  EncoderSlots::of_process().set_most(in_force_.config.encode_slots);
  for (const auto& [id, camera] : in_force_.config.cameras) make_camera(id);
}

void ConfigApplier::make_camera(const std::string& id) {
  if (cameras_.count(id) > 0) return;  // on the way back from a change that did not get so far
  CameraConfig config = camera_config(in_force_.config, id);
  if (auto known = removed_.extract(id)) {
    to_clear_.erase(id);
    known.mapped()->reconfigure(std::move(config), true);
    cameras_.insert(std::move(known));
    return;
  }
  const auto on_change = [this](const std::string& camera_id, const CameraStatus& status) {
    inbox_.push(CameraChanged{camera_id, status});
  };
  cameras_[id] = std::make_unique<Camera>(std::move(config), on_change, clock_);
}

void ConfigApplier::remove_camera(const std::string& id) {
  auto gone = cameras_.extract(id);
  if (!gone) return;  // on the way back from a change that did not get so far
  CameraConfig off;
  off.enabled = false;
  gone.mapped()->reconfigure(std::move(off), true);
  removed_.insert(std::move(gone));
  to_clear_.insert(id);
  users_.latency.forget(id);
  users_.board.camera_gone(id);
}

Status ConfigApplier::apply_to_camera(const std::string& id, const CameraChange& change) {
  switch (change.kind) {
    case CameraChange::Kind::added:
      make_camera(id);
      users_.board.camera_changed(id);  // one that is disabled says nothing itself
      break;
    case CameraChange::Kind::removed:
      remove_camera(id);
      break;
    case CameraChange::Kind::changed:
      cameras_.at(id)->reconfigure(camera_config(in_force_.config, id), change.connect);
      break;
  }
  if (change.off || change.second) users_.frame_streams.close_all(id);
  if (change.second) users_.second_profiles.reconfigure(id);
  if (change.http) users_.snapshots.forget(id);
  return change.noticed ? users_.feeds.reconfigure(id) : Status();
}

Status ConfigApplier::apply(ConfigState next, const ConfigPlan& plan) {
  const auto removing = std::count_if(plan.cameras.begin(), plan.cameras.end(), [](const auto& camera) {
    return camera.second.kind == CameraChange::Kind::removed;
  });
  if (removed_.size() + static_cast<size_t>(removing) > kMostRemoved)
    return fail(Code::unsupported, "needs a restart: too many cameras were removed since the last one");

  const ConfigState before = std::exchange(in_force_, std::move(next));
  const Config& config = in_force_.config;
  users_.budget.follow(before.config);
  users_.recordings.follow(plan);
  if (before.config.encode_slots != config.encode_slots) EncoderSlots::of_process().set_most(config.encode_slots);
  for (const auto& [id, change] : plan.cameras)
    if (auto applied = apply_to_camera(id, change); !applied) return applied.error_as_is();
  users_.latency.set_threshold(config.latency_alarm);
  if (plan.retention) users_.keeper.set_limits(retention_limits(config));
  if (plan.log_level) log::set_level(config.log_level);
  if (plan.upload) users_.begin_uploads();
  if (plan.upload_rate) users_.set_upload_rate();
  if (plan.outbox) users_.set_outbox();
  if (plan.http_tokens) users_.set_http_tokens();
  if (plan.session) return users_.begin_session();
  return {};
}

void ConfigApplier::tell_removed() {
  for (const auto& [id, camera] : removed_) users_.board.camera_gone(id, Tell::if_changed);
}

void ConfigApplier::tidy() {
  users_.feeds.join_stopped();
  for (auto it = to_clear_.begin(); it != to_clear_.end();) {
    Camera& camera = *removed_.at(*it);
    if (camera.status().state != CameraState::disabled || users_.recordings.any_of(*it)) {
      ++it;
      continue;
    }
    camera.ring().clear();
    it = to_clear_.erase(it);
  }
}

}  // namespace vedette
