#include "agent/status_board.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/camera_events.h"
#include "agent/outbox_watch.h"
#include "core/log.h"

namespace vedette {

namespace {

// A status is told when something in it changed, and this often anyway.
constexpr seconds kStatusInterval{300};
// The rates of a camera are known this long after it began to stream.
constexpr seconds kRatesKnown{6};

// What to do about a fault of the disk.
const char* remedy(Code code) {
  switch (code) {
    case Code::no_space:
      return " (make room on the disk of storage.path, or lower storage.max_bytes)";
    case Code::forbidden:
      return " (storage.path must be mounted, writable, and belong to the user that vedette runs as)";
    case Code::timed_out:
      return " (find out what else uses the disk, or whether it is failing)";
    case Code::internal:
      return " (the disk may be failing: see the kernel's log)";
    default:
      return "";
  }
}

// What S3 stores allow (Amazon S3 API Reference, RequestTimeTooSkewed).
constexpr microseconds kClockMayBeOff = 15min;

// "17 min", "5 h", "20000 days".
std::string about(microseconds time) {
  if (time < 2h) return std::to_string(std::chrono::round<std::chrono::minutes>(time).count()) + " min";
  if (time < 48h) return std::to_string(std::chrono::round<std::chrono::hours>(time).count()) + " h";
  return std::to_string(std::chrono::round<std::chrono::days>(time).count()) + " days";
}

std::string clock_problem(microseconds behind) {
  return "the clock is " + about(std::chrono::abs(behind)) + (behind > 0us ? " behind" : " ahead of") +
         " the store's: uploads are signed by that one, but clips get wrong dates (set it: NTP, timedatectl)";
}

// What of a status is worth telling at once.
std::string essence(const messages::StatusBody& body) {
  std::string out = body.state + " " + std::to_string(body.streaming) + " " + std::to_string(body.recording);
  for (const auto& problem : body.problems) {
    out.append(" ").append(problem.code).append(problem.camera_id);
    if (problem.code == code_name(Code::no_space)) out.append(problem.message);
  }
  return out;
}

std::string words(const std::vector<RefusedEvents>& refused) {
  std::string out;
  for (const RefusedEvents& kind : refused)
    out.append(out.empty() ? "" : ", ").append(kind.type).append(" (").append(refusal_word(kind.reason)).append(")");
  return out;
}

std::string words(const std::vector<mqtt::RefusedFilter>& refused) {
  std::string out;
  for (const mqtt::RefusedFilter& one : refused)
    out.append(out.empty() ? "" : ", ").append(one.filter).append(" (").append(refusal_word(one.reason)).append(")");
  return out;
}

}  // namespace

StatusBoard::StatusBoard(const Config& config, const Cameras& cameras, Recordings& recordings, Catalog& catalog,
                         Outbox& outbox, Publisher& publisher, const Clock& clock)
    : config_(config),
      cameras_(cameras),
      recordings_(recordings),
      catalog_(catalog),
      outbox_(outbox),
      publisher_(publisher),
      clock_(clock),
      started_(clock.mono()),
      process_(clock),
      telemetry_before_(started_) {
  // Ten thousand devices that were switched on together must not speak together.
  const auto phase = static_cast<int64_t>(std::hash<std::string>()(config_.device_id) % 1000);
  next_telemetry_ = started_ + microseconds(config_.telemetry_interval) * phase / 1000;
}

void StatusBoard::attach(const mqtt::Session* session, UploadEngine* uploads) {
  session_ = session;
  uploads_ = uploads;
  upload_window_.reset();
  if (uploads) upload_window_.emplace(uploads->upload_time());
  uploaded_before_ = uploads ? uploads->uploaded_bytes_total() : 0;
}

void StatusBoard::camera_gone(const std::string& camera_id, Tell tell) {
  camera_due_.erase(camera_id);
  publisher_.clear_state("camera/" + camera_id + "/state", tell);
}

void StatusBoard::config_changed() {
  next_telemetry_ = std::min(next_telemetry_, clock_.mono() + config_.telemetry_interval);
  publish_status(body());
  publisher_.state("info", "info", messages::info(config_));
}

void StatusBoard::birth(std::string connection_id) {
  connection_id_ = std::move(connection_id);
  tell(Tell::if_changed);
}

void StatusBoard::tell(Tell tell) {
  publish_status(body());
  publisher_.state("info", "info", messages::info(config_), tell);
  for (const auto& [id, camera] : cameras_) camera_changed(id, tell);
}

std::vector<messages::StatusBody::Problem> StatusBoard::problems() const {
  std::vector<messages::StatusBody::Problem> out;
  for (const auto& [id, camera] : cameras_) {
    const CameraStatus status = camera->status();
    if (is_down(status.state))
      out.push_back({Code::camera_unavailable, std::string(state_name(status.state)) + ": " + status.error, id});
  }
  if (storage_.volume) out.push_back({storage_.volume->code, storage_.volume->message, {}});
  if (storage_.catalog)
    out.push_back({storage_.catalog->code, storage_.catalog->message + remedy(storage_.catalog->code), {}});
  for (const auto& [camera_id, fault] : recordings_.faults())
    out.push_back({fault.code, fault.message + remedy(fault.code), camera_id});
  if (const auto& refused = publisher_.outbox().refused(); !refused.empty())
    out.push_back({Code::forbidden, "the broker refuses events, which are kept: " + words(refused), {}});
  if (!refused_filters_.empty())
    out.push_back(
        {Code::forbidden,
         "the broker refuses subscriptions, and what comes there is not heard: " + words(refused_filters_) +
             " (allow the device to subscribe to them in the ACL of the broker; the next connection asks again)",
         {}});
  if (!upload_problem_.empty()) out.push_back({Code::upload_failed, upload_problem_, {}});
  if (const auto endpoints = uploads_ ? uploads_->target().endpoints() : TargetEndpoints(); endpoints.is_fallback())
    out.emplace_back("upload_fallback", "uploads go by the fallback endpoint " + endpoints.urls[endpoints.current] +
                                            ", as " + endpoints.urls.front() + " cannot be used");
  if (const auto behind = uploads_ ? uploads_->target().clock_behind() : 0us; std::chrono::abs(behind) > kClockMayBeOff)
    out.push_back({Code::conflict, clock_problem(behind), {}});
  if (!id_conflict_.empty()) out.emplace_back("device_id_in_use", id_conflict_);
  for (const auto& camera : slow_)
    out.push_back({Code::timed_out, "frames take too long: " + camera.what, camera.camera_id});
  if (space_level_ == SpaceLevel::low)
    out.push_back({Code::no_space, "low: less than twice storage.min_free_bytes is free", {}});
  if (space_level_ == SpaceLevel::full)
    out.push_back({Code::no_space, "full: less than storage.min_free_bytes is free, and nothing may be deleted", {}});
  return out;
}

std::optional<Error> StatusBoard::storage_fault() const {
  return storage_.volume ? storage_.volume : storage_.catalog;
}

messages::StatusBody StatusBoard::body() {
  messages::StatusBody body;
  body.connection_id = connection_id_;
  body.uptime = clock_.mono() - started_;
  body.clock_synced = clock_.synchronised();
  body.cameras = cameras_.size();
  for (const auto& [id, camera] : cameras_) body.streaming += camera->status().state == CameraState::streaming ? 1 : 0;
  body.recording = recordings_.cameras_recording();
  if (const auto figures = outbox_.figures(clock_.utc())) body.outbox = *figures;
  body.problems = problems();
  body.config_version = config_version_;
  body.state = body.problems.empty() ? "online" : "degraded";
  return body;
}

Json StatusBoard::status(std::string state) {
  messages::StatusBody out = body();
  out.state = std::move(state);
  return messages::status(out);
}

void StatusBoard::publish_status(const messages::StatusBody& body) {
  last_essence_ = essence(body);
  next_status_ = clock_.mono() + kStatusInterval;
  publisher_.state("status", "status", messages::status(body));
}

void StatusBoard::status_may_have_changed() {
  messages::StatusBody now = body();
  if (essence(now) != last_essence_) publish_status(std::move(now));
}

void StatusBoard::camera_changed(const std::string& camera_id, Tell tell) {
  const auto it = cameras_.find(camera_id);
  if (it == cameras_.end()) return;
  publisher_.state("camera/" + camera_id + "/state", "camera_state",
                   messages::camera_state(camera_id, it->second->status(), it->second->figures(),
                                          recordings_.of_camera(camera_id), clock_.mono()),
                   tell);
}

void StatusBoard::camera_came_up(const std::string& camera_id) {
  camera_due_[camera_id] = clock_.mono() + kRatesKnown;
}

void StatusBoard::telemetry_sent_when_due(MonoTime now) {
  for (auto it = camera_due_.begin(); it != camera_due_.end();) {
    if (now < it->second) {
      ++it;
      continue;
    }
    camera_changed(it->first);
    it = camera_due_.erase(it);
  }
  if (now >= next_status_) publish_status(body());
  if (now < next_telemetry_) return;
  next_telemetry_ = std::max(next_telemetry_ + config_.telemetry_interval, now);
  publish_telemetry(now);
  status_may_have_changed();
}

void StatusBoard::publish_telemetry(MonoTime now) {
  SystemFigures figures;
  figures.storage = config_.storage.path;
  if (const auto uploads = catalog_.upload_figures(clock_.utc())) figures.uploads = *uploads;
  if (figures.uploads.rows == 0) upload_problem_.clear();  // what failed was deleted
  if (const auto outbox = outbox_.figures(clock_.utc())) figures.outbox = *outbox;
  const uint64_t uploaded = uploads_ ? uploads_->uploaded_bytes_total() : 0;
  const auto passed_us = std::max<int64_t>(1, (now - telemetry_before_).count());
  figures.upload_bps =
      static_cast<int64_t>(static_cast<double>(uploaded - uploaded_before_) * 8e6 / static_cast<double>(passed_us));
  uploaded_before_ = uploaded;
  telemetry_before_ = now;
  if (session_) figures.mqtt_round_trip = session_->round_trip();
  publisher_.telemetry("telemetry/system", "telemetry_system", system_telemetry(process_, figures));

  SharedStages shared;
  shared.command = command_window_.next();
  if (upload_window_) shared.upload = upload_window_->next();
  for (const auto& [id, camera] : cameras_) {
    auto& stages = stages_.try_emplace(id, *camera, recordings_.stages(id)).first->second;
    publisher_.telemetry("telemetry/camera/" + id, "telemetry_camera",
                         camera_telemetry(*camera, stages.next(), shared));
  }
}

}  // namespace vedette
