#include "agent/recordings.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/recording_start.h"
#include "core/ids.h"
#include "core/log.h"
#include "core/redact.h"
#include "media/mp4_writer.h"

namespace vedette {

namespace {

using messages::Answer;

constexpr std::string_view kShutdown = "shutdown";

// What was asked for; where no start is given, that is for the caller to say.
RecordingPlan plan_of(const ReplyTo& to, const RecordingStart& request) {
  RecordingPlan plan;
  plan.start = request.start.value_or(UtcTime());
  if (request.start && request.duration) plan.end = *request.start + *request.duration;
  plan.upload = request.upload;
  plan.priority = request.priority;
  plan.container = request.container;
  plan.labels = request.labels;
  plan.command_id = to.command_id;
  plan.traceparent = to.traceparent;
  return plan;
}

std::string why_not_streaming(const CameraStatus& status) {
  return "the camera is " + std::string(state_name(status.state)) + (status.error.empty() ? "" : ": " + status.error);
}

// Why the audio of the camera will not be in its clips; empty when it will be, or there is none, or none is wanted.
std::string audio_left_out(AudioPolicy policy, const CameraStatus& status) {
  if (policy != AudioPolicy::copy || !status.info || !status.info->audio) return {};
  const AudioCodec codec = status.info->audio->codec;
  if (mp4_can_hold(codec)) return {};
  return "the camera's audio is left out: MP4 cannot hold " + std::string(codec_name(codec)) +
         " (recording.audio \"aac\" converts it)";
}

}  // namespace

Recordings::Recordings(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog,
                       LossLedger& losses, Outbox& outbox, const Clock& clock, ClipRecorder::Report report)
    : config_(config),
      layout_(layout),
      volume_(volume),
      catalog_(catalog),
      losses_(losses),
      outbox_(outbox),
      clock_(clock),
      report_(std::move(report)) {
  for (const auto& [id, camera] : config.cameras) stages_[id];
}

std::optional<Answer> Recordings::answer_known(const std::string& recording_id, const Camera& camera) const {
  if (const auto it = running_.find(recording_id); it != running_.end()) {
    const Running& running = it->second;
    if (running.recorder->spec().camera_id != camera.id())
      return messages::rejected({Code::already_exists, "the recording " + recording_id + " is of another camera"});
    return messages::succeeded({{"recording_id", recording_id},
                                {"state", running.scheduled ? "scheduled" : "recording"},
                                {"already_running", true},
                                {"clip_start", to_rfc3339(running.start)},
                                {"lead_actual_ms", running.lead_actual_ms}});
  }
  const auto known = catalog_.recording(recording_id);
  if (!known) return messages::failed(known.error());
  if (*known) return messages::rejected({Code::already_exists, "the recording " + recording_id + " has ended already"});
  return std::nullopt;
}

Answer Recordings::start(const ReplyTo& to, const RecordingStart& request, Camera& camera) {
  const std::string recording_id = request.recording_id.value_or(new_id(clock_.utc()));
  if (request.recording_id)
    if (auto known = answer_known(recording_id, camera)) return *known;

  const MonoTime now = clock_.mono();
  const MonoTime wanted = wanted_start(request, config_.recording.pre_roll, now, clock_);
  const CameraStatus status = camera.status();
  const RingFigures ring = camera.ring().figures();
  const auto keyframe = camera.ring().keyframe_at(wanted);
  const auto begin_at = begin_of(request, wanted, ring, keyframe, now, clock_);
  const bool scheduled = begin_at && begin_at->scheduled;
  if (!scheduled && (status.state != CameraState::streaming || !ring.oldest))
    return messages::failed({Code::camera_unavailable, why_not_streaming(status)});
  if (!begin_at) return messages::rejected(begin_at.error(), {{"oldest", to_rfc3339(clock_.to_utc(*ring.oldest))}});
  if (status.info)
    if (const auto why = why_not_in(request.container, config_.recording.audio, *status.info); !why.empty())
      return messages::rejected({Code::unsupported, "/params/container: " + why});

  const RecordingPlan plan = plan_of(to, request);
  RecordingSpec spec = spec_of(recording_id, camera.id(), plan);
  spec.start = begin_at->start;
  spec.end = begin_at->end;
  spec.longest =
      config_.recording.longest + (begin_at->shown - begin_at->start);  // counted from the first picture, however late
  const auto kept = scheduled ? std::optional(plan) : std::nullopt;
  if (const auto added = catalog_.add_recording(recording_id, camera.id(), clock_.utc(), kept); !added)
    return messages::failed(added.error());

  Json result = {{"recording_id", recording_id},
                 {"state", scheduled ? "scheduled" : "recording"},
                 {"already_running", false},
                 {"clip_start", to_rfc3339(clock_.to_utc(begin_at->shown))},
                 {"lead_actual_ms", to_ms(begin_at->lead)}};
  if (ring.oldest) result["preroll_available_ms"] = std::max<int64_t>(0, to_ms(now - *ring.oldest));
  for (const std::string& warning : begin_at->warnings) result["warnings"].push_back(warning);
  if (const auto left_out = audio_left_out(config_.recording.audio, status); !left_out.empty())
    result["warnings"].push_back(left_out);
  if (!status.info && request.container != Container::mp4)
    result["warnings"].push_back("what the camera sends is not known yet: where it does not go into " +
                                 std::string(container_name(request.container)) + ", the clips will be mp4");

  begin(std::move(spec), camera, clock_.to_utc(begin_at->shown), scheduled).lead_actual_ms = to_ms(begin_at->lead);
  return messages::succeeded(std::move(result));
}

Recordings::Running& Recordings::begin(RecordingSpec spec, Camera& camera, UtcTime shown, bool scheduled) {
  spec.segment = config_.recording.segment;
  spec.audio = config_.recording.audio;
  RecordingStages& stages = stages_.at(camera.id());
  const RecorderContext context{layout_,
                                catalog_,
                                losses_,
                                clock_,
                                config_.storage.sync_interval,
                                stages.mux,
                                stages.sync,
                                config_.upload.target != Config::UploadTarget::none,
                                &stages.index,
                                &volume_};
  Running& running = running_[spec.recording_id];
  running.start = shown;
  if (spec.end) running.end = clock_.to_utc(*spec.end);
  running.scheduled = scheduled;
  running.recorder = std::make_unique<ClipRecorder>(std::move(spec), camera.ring(), context, report_);
  return running;
}

Answer Recordings::stop(const RecordingStop& request) {
  std::vector<std::string> ids, clip_ids;
  for (auto& [id, running] : running_) {
    const RecordingSpec& spec = running.recorder->spec();
    if (request.recording_id && id != *request.recording_id) continue;
    if (request.camera_id && spec.camera_id != *request.camera_id) continue;
    if (is_standing(spec) && request.recording_id)
      return messages::rejected({Code::conflict, "the camera is recorded without being told to (cameras/" +
                                                     spec.camera_id + "/record of the configuration)"});
    if (is_standing(spec)) continue;
    running.stop_reason = "stopped";
    running.recorder->stop(clock_.mono());
    ids.push_back(id);
    const auto clips = running.recorder->clip_ids();
    clip_ids.insert(clip_ids.end(), clips.begin(), clips.end());
  }
  if (ids.empty() && request.recording_id) {  // it may have ended by itself a moment ago
    const auto known = catalog_.recording(*request.recording_id);
    if (!known) return messages::failed(known.error());
    if (*known && (!request.camera_id || (*known)->camera_id == *request.camera_id)) {
      const auto clips = catalog_.clips_of_recording(*request.recording_id);
      if (!clips) return messages::failed(clips.error());
      ids.push_back(*request.recording_id);
      clip_ids = *clips;
    }
  }
  if (ids.empty()) return messages::rejected({Code::not_found, "no such recording is running"});
  return messages::succeeded({{"recording_id", ids.back()}, {"recording_ids", ids}, {"clip_ids", clip_ids}});
}

Answer Recordings::list(const RecordingList& request) const {
  Json all = Json::array();
  for (const auto& [id, running] : running_) {
    const RecordingSpec& spec = running.recorder->spec();
    if (request.camera_id && spec.camera_id != *request.camera_id) continue;
    Json one = {{"recording_id", id},
                {"camera_id", spec.camera_id},
                {"state", running.scheduled ? "scheduled" : "recording"},
                {"start", to_rfc3339(running.start)}};
    if (running.end) one["end"] = to_rfc3339(*running.end);
    one["trigger"] = spec.trigger;
    one["labels"] = spec.labels;
    if (!spec.command_id.empty()) one["command_id"] = spec.command_id;
    all.push_back(std::move(one));
  }
  return messages::succeeded({{"recordings", std::move(all)}});
}

OutboxEvent Recordings::event(const char* type, const RecordingSpec& spec, const Json& data) const {
  OutboxEvent event = make_event(type, spec.camera_id, data, clock_.utc());
  event.command_id = spec.command_id;
  event.traceparent = spec.traceparent;
  return event;
}

void Recordings::on_report(const RecorderReport& report) {
  const auto it = running_.find(report.recording_id);
  if (it == running_.end()) return;
  Running& running = it->second;
  const RecordingSpec spec = running.recorder->spec();
  switch (report.kind) {
    case RecorderReport::Kind::started:
      note_late_start(running, report.clip_start);
      running.scheduled = false;
      running.start = report.clip_start;
      running.lead_actual_ms = report.lead_actual_ms;
      outbox_.note(event("recording.started", spec,
                         {{"recording_id", spec.recording_id},
                          {"clip_start", to_rfc3339(report.clip_start)},
                          {"lead_actual_ms", report.lead_actual_ms},
                          {"trigger", spec.trigger}}));
      break;
    case RecorderReport::Kind::clip:
      break;  // its event was committed with its row
    case RecorderReport::Kind::faulted:
      log::error("the disk does not take a recording; it is tried again",
                 {{"camera", spec.camera_id}, {"recording_id", spec.recording_id}, {"error", report.error.message}});
      running.fault = report.error;
      break;
    case RecorderReport::Kind::resumed:
      log::info("the disk takes the recording again",
                {{"camera", spec.camera_id}, {"recording_id", spec.recording_id}});
      running.fault.reset();
      break;
    case RecorderReport::Kind::ended:
      if (running.recorders_before > 0) {
        --running.recorders_before;
        break;
      }
      on_ended(running, report);
      running_.erase(it);
      break;
  }
}

void Recordings::on_ended(const Running& running, const RecorderReport& report) {
  const RecordingSpec& spec = running.recorder->spec();
  if (running.scheduled && running.stop_reason == kShutdown) return;  // its row is for the next start
  const bool failed = report.error.code != Code::ok;
  const std::string reason = failed                         ? "error"
                             : !running.stop_reason.empty() ? running.stop_reason
                             : spec.end                     ? "completed"
                                                            : "limit";
  if ((spec.trigger == "schedule" || spec.trigger == kEvent) && report.clip_ids.empty() && reason != "config_changed")
    note_camera_away(running);
  note_event_recording_ended(spec, failed, running.stop_reason);
  Json data = {{"recording_id", spec.recording_id}, {"clip_ids", report.clip_ids}, {"reason", reason}};
  if (failed) data["error"] = redact(report.error.message);
  ends_.emplace_back(spec.recording_id, event("recording.stopped", spec, data));
  enter_ends();
}

// Not more than there were recordings, each of which the catalog took at its start.
void Recordings::enter_ends() {
  while (!ends_.empty()) {
    if (const auto ended = catalog_.end_recording(ends_.front().first, {ends_.front().second}); !ended) {
      log::debug("recording not ended in the catalog yet", {{"reason", ended.error().message}});
      return;
    }
    ends_.erase(ends_.begin());
  }
}

void Recordings::stop_all() {
  see_schedules();
  for (auto& [id, running] : running_) {
    running.stop_reason = kShutdown;
    running.recorder->stop(clock_.mono());
  }
}

std::vector<std::string> Recordings::of_camera(const std::string& camera_id) const {
  std::vector<std::string> ids;
  for (const auto& [id, running] : running_)
    if (!running.scheduled && running.recorder->spec().camera_id == camera_id) ids.push_back(id);
  return ids;
}

size_t Recordings::cameras_recording() const {
  std::set<std::string> cameras;
  for (const auto& [id, running] : running_)
    if (!running.scheduled) cameras.insert(running.recorder->spec().camera_id);
  return cameras.size();
}

std::vector<std::pair<std::string, Error>> Recordings::faults() const {
  std::vector<std::pair<std::string, Error>> out;
  for (const auto& [id, running] : running_)
    if (running.fault) out.emplace_back(running.recorder->spec().camera_id, *running.fault);
  return out;
}

std::optional<std::string> Recordings::camera_of(const std::string& recording_id) const {
  const auto it = running_.find(recording_id);
  return it == running_.end() ? std::nullopt : std::optional(it->second.recorder->spec().camera_id);
}

RecordingStages& Recordings::stages(const std::string& camera_id) {
  return stages_.at(camera_id);
}

}  // namespace vedette
