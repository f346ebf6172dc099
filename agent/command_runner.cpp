#include "agent/command_runner.h"

#include <nlohmann/json.hpp>

#include "agent/clip_verbs.h"
#include "agent/storage_verbs.h"

namespace vedette {

using messages::Answer;

namespace {

// So far the sender's clock may be ahead of ours: an instant that is to come then counts as now.
constexpr microseconds kMostAhead = 5s;

Answer no_such_camera(const std::string& camera_id) {
  return messages::rejected({Code::not_found, "/params/camera_id: there is no camera " + camera_id});
}

}  // namespace

CommandRunner::CommandRunner(const Config& config, const Cameras& cameras, Recordings& recordings, Snapshots& snapshots,
                             SecondProfiles& second_profiles, ClipCreations& creations, StreamProbes& probes,
                             CameraSearches& searches, StorageKeeper& keeper, FrameStreams& frame_streams,
                             UploadControl& uploads, Diagnostics& diagnostics, Catalog& catalog,
                             const LossLedger& losses, const Clock& clock)
    : config_(config),
      cameras_(cameras),
      recordings_(recordings),
      snapshots_(snapshots),
      second_profiles_(second_profiles),
      creations_(creations),
      probes_(probes),
      searches_(searches),
      keeper_(keeper),
      frame_streams_(frame_streams),
      uploads_(uploads),
      diagnostics_(diagnostics),
      catalog_(catalog),
      losses_(losses),
      clock_(clock),
      started_(clock.mono()) {}

Camera* CommandRunner::find_camera(const std::string& camera_id) const {
  const auto it = cameras_.find(camera_id);
  return it == cameras_.end() ? nullptr : it->second.get();
}

std::optional<Answer> CommandRunner::run(const ReplyTo& to, const Request& request) {
  return std::visit([&](const auto& params) -> std::optional<Answer> { return run(to, params); }, request);
}

Answer CommandRunner::run(const ReplyTo& to, const RecordingStart& request) {
  Camera* camera = find_camera(request.camera_id);
  return camera ? recordings_.start(to, request, *camera) : no_such_camera(request.camera_id);
}

Answer CommandRunner::run(const ReplyTo&, const RecordingStop& request) {
  if (request.camera_id && !find_camera(*request.camera_id)) return no_such_camera(*request.camera_id);
  return recordings_.stop(request);
}

Answer CommandRunner::run(const ReplyTo&, const RecordingList& request) {
  return recordings_.list(request);
}

Answer CommandRunner::run(const ReplyTo& to, const SnapshotTake& request) {
  Camera* camera = find_camera(request.camera_id);
  if (!camera) return no_such_camera(request.camera_id);
  if (request.send_upload && !target_)
    return messages::rejected({Code::unsupported, "/params/deliver: upload.target is none; use inline"});
  if (request.at && *request.at > clock_.utc() + kMostAhead)
    return messages::rejected({Code::invalid_argument, "/params/at: it lies more than 5 s ahead of the clock here"});
  const Config::Profile recorded = config_.cameras.at(request.camera_id).record_profile;
  const Config::Profile profile = request.profile.value_or(recorded);
  const auto origin = snapshots_.origin_of(request, *camera, profile);
  if (!origin) return messages::rejected(origin.error());
  if (*origin == SnapshotOrigin::camera) return snapshots_.fetch(to, request, *camera, profile);
  if (profile == recorded) return snapshots_.take(to, request, *camera);
  if (request.at)
    return messages::rejected({Code::invalid_argument, "/params/profile: of the past there is only what is recorded: " +
                                                           std::string(profile_name(recorded))});
  const auto second = second_profiles_.use(request.camera_id);
  if (!second) return messages::rejected({second.error().code, "/params/profile: " + second.error().message});
  Answer answer = snapshots_.take(to, request, **second, Snapshots::Opened::on_demand);
  if (answer.status != "accepted") second_profiles_.release(request.camera_id);
  return answer;
}

Answer CommandRunner::run(const ReplyTo& to, const ClipCreate& request) {
  Camera* camera = find_camera(request.camera_id);
  // Clips outlive the configuration of their camera.
  if (const auto clips = catalog_.spans(request.camera_id, request.start, request.end, 1);
      !camera && clips && clips->empty())
    return no_such_camera(request.camera_id);
  return creations_.create(to, request, camera);
}

Answer CommandRunner::run(const ReplyTo&, const ClipQueryRequest& request) {
  return clip_verbs::query(catalog_, request.query, clock_.utc());
}

Answer CommandRunner::run(const ReplyTo&, const ClipGet& request) {
  return clip_verbs::get(catalog_, request.clip_id, clock_.utc());
}

Answer CommandRunner::run(const ReplyTo&, const ClipUrl& request) {
  return clip_verbs::url(catalog_, target_, request, clock_.utc());
}

Answer CommandRunner::run(const ReplyTo&, const ClipProtect& request) {
  return clip_verbs::protect(catalog_, request, clock_.utc());
}

std::optional<Answer> CommandRunner::run(const ReplyTo& to, const ClipDelete& request) {
  return keeper_.remove(to, request);
}

Answer CommandRunner::run(const ReplyTo&, const TimelineQuery& request) {
  const auto answer = storage_verbs::timeline(catalog_, losses_, request, clock_.utc());
  const bool nothing = answer.result && answer.result->value("covered", Json()).empty();
  const bool known = config_.cameras.count(request.camera_id) > 0;
  return nothing && !known ? no_such_camera(request.camera_id) : answer;
}

Answer CommandRunner::run(const ReplyTo&, const LossQueryRequest& request) {
  return storage_verbs::losses(losses_, request.query);
}

Answer CommandRunner::run(const ReplyTo&, const StorageStatus&) {
  return storage_verbs::status(config_, catalog_);
}

Answer CommandRunner::run(const ReplyTo&, const CameraRestart& request) {
  Camera* camera = find_camera(request.camera_id);
  if (!camera) return no_such_camera(request.camera_id);
  if (const auto restarted = camera->restart(); !restarted) return messages::rejected(restarted.error());
  return messages::succeeded({{"state", state_name(CameraState::connecting)}});
}

Answer CommandRunner::run(const ReplyTo& to, const CameraProbe& request) {
  Camera* camera = request.camera_id ? find_camera(*request.camera_id) : nullptr;
  if (request.camera_id && !camera) return no_such_camera(*request.camera_id);
  return probes_.probe(to, request, camera);
}

Answer CommandRunner::run(const ReplyTo& to, const CameraDiscover& request) {
  return searches_.search(to, request);
}

Answer CommandRunner::run(const ReplyTo&, const StreamOpen& request) {
  Camera* camera = find_camera(request.camera_id);
  return camera ? frame_streams_.open(request, *camera) : no_such_camera(request.camera_id);
}

Answer CommandRunner::run(const ReplyTo&, const StreamList& request) {
  if (request.camera_id && !find_camera(*request.camera_id)) return no_such_camera(*request.camera_id);
  return frame_streams_.list(request);
}

Answer CommandRunner::run(const ReplyTo&, const StreamClose& request) {
  return frame_streams_.close(request);
}

Answer CommandRunner::run(const ReplyTo&, const ConfigReport&) {
  twin_->publish();
  return messages::succeeded(twin_->report());
}

Answer CommandRunner::run(const ReplyTo& to, const AgentDiagnostics& request) {
  return diagnostics_.make(to, request, target_ != nullptr);
}

Answer CommandRunner::run(const ReplyTo&, const AgentPing&) {
  return messages::succeeded(
      {{"version", VEDETTE_VERSION}, {"uptime_s", std::chrono::floor<seconds>(clock_.mono() - started_).count()}});
}

Answer CommandRunner::run(const ReplyTo&, const UploadPause& request) {
  return uploads_.pause(request);
}

Answer CommandRunner::run(const ReplyTo&, const UploadResume&) {
  return uploads_.resume();
}

Answer CommandRunner::run(const ReplyTo&, const UploadStatus&) {
  return uploads_.status();
}

Answer CommandRunner::run(const ReplyTo& to, const ClipUpload& request) {
  return uploads_.upload(to, request);
}

std::optional<Answer> CommandRunner::run(const ReplyTo& to, const CommandCancel& request) {
  return agent_verbs_->cancel(to, request);
}

Answer CommandRunner::run(const ReplyTo&, const AuditQueryRequest& request) {
  return agent_verbs_->audit(request);
}

Answer CommandRunner::run(const ReplyTo&, const AgentRebirth&) {
  return agent_verbs_->rebirth();
}

Answer CommandRunner::run(const ReplyTo& to, const AgentLogLevel& request) {
  return agent_verbs_->set_log_level(to, request);
}

}  // namespace vedette
