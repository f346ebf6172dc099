// The part of Recordings for those that are scheduled: what a start of the process or a clock that is set makes of
// them.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/recordings.h"
#include "core/log.h"

namespace vedette {

// Why a scheduled recording was not made in its time.
struct Recordings::Miss {
  const char* stop_reason;  // of recording.stopped
  const char* loss_reason;  // of the ledger
};
const Recordings::Miss Recordings::kNotRunning{"interrupted", "not_running"};
const Recordings::Miss Recordings::kClockStepped{"clock_stepped", "clock_stepped"};

RecordingSpec Recordings::spec_of(const std::string& recording_id, const std::string& camera_id,
                                  const RecordingPlan& plan) {
  RecordingSpec spec;
  spec.recording_id = recording_id;
  spec.camera_id = camera_id;
  spec.upload = plan.upload;
  spec.priority = plan.priority;
  spec.container = plan.container;
  spec.labels = plan.labels;
  spec.command_id = plan.command_id;
  spec.traceparent = plan.traceparent;
  return spec;
}

void Recordings::restore(const Cameras& cameras) {
  const auto records = catalog_.open_recordings();
  if (!records) {
    log::error("the recordings of the last run cannot be read", {{"reason", records.error().message}});
    return;
  }
  for (const RecordingRecord& record : *records) {
    const auto camera = cameras.find(record.camera_id);
    if (camera == cameras.end() || !begin_again(record, *camera->second, kNotRunning)) end_missed(record, kNotRunning);
  }
  note_missed_windows();
}

void Recordings::on_clock_set(microseconds step, const Cameras& cameras) {
  std::vector<std::string> scheduled;
  for (auto& [id, running] : running_) {
    if (running.scheduled && cameras.count(running.recorder->spec().camera_id) > 0) scheduled.push_back(id);
    running.start += step;
    if (running.end) *running.end += step;
  }
  for (const std::string& id : scheduled) {
    const auto record = catalog_.recording(id);
    if (!record || !*record) {
      log::error("a scheduled recording keeps its time by the old clock", {{"recording_id", id}});
      continue;
    }
    running_[id].recorder.reset();
    const int recorders_before = running_[id].recorders_before + 1;
    if (begin_again(**record, *cameras.at((*record)->camera_id), kClockStepped)) {
      running_[id].recorders_before = recorders_before;
    } else {
      end_missed(**record, kClockStepped);
      running_.erase(id);
    }
  }
}

// Whether the recording had not begun yet and is still to be made.
bool Recordings::begin_again(const RecordingRecord& record, Camera& camera, const Miss& miss) {
  const auto clips = catalog_.clips_of_recording(record.recording_id);
  if (!record.plan || !clips || !clips->empty()) return false;
  const RecordingPlan& plan = *record.plan;
  const UtcTime now = clock_.utc();
  if (plan.end && *plan.end <= now) return false;
  if (plan.start < now) note_missed(record.camera_id, {plan.start, now}, miss.loss_reason);
  RecordingSpec spec = spec_of(record.recording_id, record.camera_id, plan);
  spec.start = clock_.to_mono(std::max(plan.start, now));
  if (plan.end) spec.end = clock_.to_mono(*plan.end);
  spec.longest = config_.recording.longest;
  log::info("recording scheduled again", {{"camera", camera.id()}, {"recording_id", record.recording_id}});
  begin(std::move(spec), camera, std::max(plan.start, now), plan.start > now);
  return true;
}

void Recordings::end_missed(const RecordingRecord& record, const Miss& miss) {
  const auto clip_ids = catalog_.clips_of_recording(record.recording_id).value_or(std::vector<std::string>());
  RecordingSpec spec;
  spec.camera_id = record.camera_id;
  if (record.plan) {
    spec.command_id = record.plan->command_id;
    spec.traceparent = record.plan->traceparent;
    if (clip_ids.empty())
      note_missed(record.camera_id, {record.plan->start, record.plan->end.value_or(record.plan->start)},
                  miss.loss_reason);
  }
  if (!clip_ids.empty())
    if (const auto clip = catalog_.clip(clip_ids.back())) {
      spec.command_id = clip->command_id;
      spec.traceparent = clip->traceparent;
    }
  const Json data = {{"recording_id", record.recording_id}, {"clip_ids", clip_ids}, {"reason", miss.stop_reason}};
  if (const auto ended = catalog_.end_recording(record.recording_id, {event("recording.stopped", spec, data)}); !ended)
    log::error("recording cannot be ended in the catalog", {{"reason", ended.error().message}});
}

}  // namespace vedette
