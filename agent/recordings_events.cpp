// The part of Recordings that cameras begin, by what they notice.
#include <algorithm>

#include "agent/recordings.h"
#include "core/ids.h"
#include "core/log.h"

namespace vedette {

namespace {

// What an error ended begins again after so long, while what was noticed goes on.
constexpr seconds kPause{5};
// An end is final this long before it comes: somewhat more than from one look to the next.
constexpr milliseconds kAhead{1500};

}  // namespace

void Recordings::on_camera_event(const CameraEvent& event, Camera& camera) {
  const auto& rules = config_.cameras.at(camera.id()).on_event;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].type != event.type) continue;
    ByEvent& by = by_event_[{camera.id(), i}];
    if (event.started)
      event_began(event, rules[i], camera, by);
    else if (by.going_on.erase(event.vendor_type) > 0 && by.going_on.empty())
      event_over(event, rules[i], by);
  }
}

// One that still runs goes on, be it for its post-roll only.
void Recordings::event_began(const CameraEvent& event, const EventRule& rule, Camera& camera, ByEvent& by) {
  const bool first = by.going_on.empty();
  by.going_on.insert(event.vendor_type);
  by.end.reset();
  if (Running* running = running_by(by))
    running->end.reset();
  else if (first && !by.again)
    begin_by_event(event.at - rule.pre_roll, rule, camera, by);
}

void Recordings::event_over(const CameraEvent& event, const EventRule& rule, ByEvent& by) {
  Running* running = running_by(by);
  if (!running && !by.again) return;  // stopped by command
  by.end = std::max(event.at + rule.post_roll, clock_.mono());
  if (running) running->end = clock_.to_utc(*by.end);
  end_when_due(by);
}

Recordings::Running* Recordings::running_by(const ByEvent& by) {
  const auto it = running_.find(by.recording_id);
  return it == running_.end() || !it->second.stop_reason.empty() ? nullptr : &it->second;
}

void Recordings::begin_by_event(MonoTime start, const EventRule& rule, Camera& camera, ByEvent& by) {
  const MonoTime now = clock_.mono();
  const auto oldest = camera.ring().figures().oldest;
  const MonoTime shown = oldest ? std::max(start, *oldest) : now;
  RecordingSpec spec;
  spec.recording_id = by.recording_id = new_id(clock_.utc());
  spec.camera_id = camera.id();
  spec.trigger = kEvent;
  spec.labels = rule.labels;
  spec.priority = Priority::high;
  spec.start = std::min(start, shown);
  spec.longest = config_.recording.longest + (shown - spec.start);
  by.again.reset();
  if (const auto added = catalog_.add_recording(spec.recording_id, camera.id(), clock_.utc()); !added) {
    log::error("a recording by an event cannot begin", {{"camera", camera.id()}, {"reason", added.error().message}});
    by.again = Again{now + kPause, start};
    return;
  }
  begin(std::move(spec), camera, clock_.to_utc(shown), false);
}

void Recordings::end_when_due(ByEvent& by) {
  Running* running = by.end ? running_by(by) : nullptr;
  if (!running || *by.end > clock_.mono() + kAhead) return;
  running->stop_reason = "completed";
  running->recorder->stop(*by.end);
  by.end.reset();
}

void Recordings::keep_events(const Cameras& cameras) {
  for (auto& [key, by] : by_event_) {
    if (by.again && by.end && *by.end <= by.again->start) by.again.reset();  // nothing is missing
    if (by.again && clock_.mono() >= by.again->due) {
      const auto& [camera_id, rule] = key;
      begin_by_event(by.again->start, config_.cameras.at(camera_id).on_event.at(rule), *cameras.at(camera_id), by);
    }
    end_when_due(by);
  }
}

// What goes on, be it for its post-roll only, is recorded further: from where the limit ended it, or an error did. What
// was stopped is not.
void Recordings::note_event_recording_ended(const RecordingSpec& spec, bool failed, const std::string& stop_reason) {
  if (!stop_reason.empty()) return;
  const MonoTime now = clock_.mono();
  for (auto& [key, by] : by_event_)
    if (by.recording_id == spec.recording_id && (!by.going_on.empty() || by.end))
      by.again = failed ? Again{now + kPause, now} : Again{now, spec.start + spec.longest};
}

}  // namespace vedette
