// The part of Recordings that nobody commands: cameras that are recorded all the time, or by a schedule.
#include <algorithm>

#include "agent/recordings.h"
#include "core/ids.h"
#include "core/log.h"

namespace vedette {

namespace {

constexpr std::string_view kContinuous = "continuous";
constexpr std::string_view kSchedule = "schedule";
// What ended by an error begins again after so long.
constexpr seconds kPause{5};
// A window that begins is seen a tick later, and one that ends is looked out for some ticks before.
constexpr seconds kTicks{3};
// For so long the windows of a schedule are worked out at once.
constexpr std::chrono::hours kKnown{1};
// The catalog is told so often how far schedules were carried out, beside the beginnings and ends of their windows.
constexpr std::chrono::minutes kSeeInterval{10};
// What was missed is told for so long back.
constexpr std::chrono::hours kLongestMissed{7 * 24};
constexpr int kMostClips = 10'000;
// A camera that comes later than this was away; a shorter piece is nothing that was missed.
constexpr seconds kLate{2};

}  // namespace

bool Recordings::is_standing(const RecordingSpec& spec) {
  return spec.trigger == kContinuous || spec.trigger == kSchedule;
}

Recordings::Running* Recordings::standing_of(const std::string& camera_id) {
  const auto found = std::find_if(running_.begin(), running_.end(), [&](const auto& entry) {
    const RecordingSpec& spec = entry.second.recorder->spec();
    return spec.camera_id == camera_id && is_standing(spec);
  });
  return found == running_.end() ? nullptr : &found->second;
}

void Recordings::keep_standing(const Cameras& cameras) {
  for (const auto& [id, camera] : cameras) {
    const Config::Camera& wanted = config_.cameras.at(id);
    if (!wanted.enabled || wanted.record == Config::Record::command) continue;
    Standing& standing = standing_[id];
    const auto window = window_now(wanted, standing);
    if (Running* running = standing_of(id))
      follow(*running, window);
    else if (window && clock_.mono() >= standing.due)
      begin_standing(*camera, *window, standing);
  }
  if (clock_.mono() >= see_schedules_at_) see_schedules();
}

// The window that holds now. Windows are instants, so that a step of the wall clock only moves us among them.
std::optional<Span> Recordings::window_now(const Config::Camera& camera, Standing& standing) const {
  const UtcTime now = clock_.utc();
  if (camera.record == Config::Record::continuous) return Span{now, UtcTime::max()};
  if (now < standing.known.start || now >= standing.known.end) {
    standing.known = {now, now + kKnown};
    standing.windows = camera.schedule.spans(standing.known.start, standing.known.end);
  }
  for (const Span& window : standing.windows)
    if (window.start <= now && now < window.end) return window;
  return std::nullopt;
}

void Recordings::begin_standing(Camera& camera, const Span& window, Standing& standing) {
  const MonoTime now = clock_.mono();
  const UtcTime now_utc = clock_.utc();
  const bool scheduled = config_.cameras.at(camera.id()).record == Config::Record::schedule;
  const bool begins_now = now_utc - window.start <= kTicks && (!standing.begun || standing.begun->end <= window.start);
  RecordingSpec spec;
  spec.recording_id = new_id(now_utc);
  spec.camera_id = camera.id();
  spec.trigger = scheduled ? kSchedule : kContinuous;
  spec.priority = Priority::low;
  spec.start = begins_now ? std::min(now, clock_.to_mono(window.start)) : now;
  spec.longest = kNever - now;
  standing.due = now + kPause;
  standing.begun = window;
  if (scheduled) see_schedules_at_ = now;
  const UtcTime start = clock_.to_utc(spec.start);
  if (const auto added = catalog_.add_recording(spec.recording_id, camera.id(), now_utc); !added)
    log::error("a recording without a command cannot begin",
               {{"camera", camera.id()}, {"trigger", spec.trigger}, {"reason", added.error().message}});
  else
    begin(std::move(spec), camera, start, false);
}

// Ends it with its window, or at once when the wall clock was set to a time without one.
void Recordings::follow(Running& running, const std::optional<Span>& window) {
  const UtcTime now = clock_.utc();
  if ((window && window->end > now + kTicks) || !running.stop_reason.empty()) return;
  Standing& standing = standing_[running.recorder->spec().camera_id];
  const UtcTime end = window ? window->end : now;
  running.end = end;
  running.stop_reason = "completed";
  running.recorder->stop(clock_.to_mono(end));
  standing.due = clock_.mono();
  see_schedules_at_ = clock_.mono() + kTicks;
}

void Recordings::see_schedules() {
  see_schedules_at_ = clock_.mono() + kSeeInterval;
  const bool any = std::any_of(config_.cameras.begin(), config_.cameras.end(),
                               [](const auto& camera) { return camera.second.record == Config::Record::schedule; });
  if (!any) return;
  if (const auto told = catalog_.set_schedules_seen(clock_.utc()); !told)
    log::warn("the catalog cannot be told of schedules", {{"reason", told.error().message}});
}

// At start: what of the windows since the last run there is neither in a clip nor in a loss.
void Recordings::note_missed_windows() {
  const UtcTime now = clock_.utc();
  const auto seen = catalog_.schedules_seen();
  if (!seen || !*seen || **seen >= now) return;
  const Span away{std::max<UtcTime>(**seen, now - kLongestMissed), now};
  for (const auto& [id, camera] : config_.cameras) {
    if (camera.record != Config::Record::schedule || !camera.enabled) continue;
    for (const Span& window : camera.schedule.spans(away.start, away.end)) {
      const Span missed{std::max(window.start, away.start), std::min(window.end, away.end)};
      const auto clips = catalog_.spans(id, missed.start, missed.end, kMostClips);
      const auto known = losses_.of_camera(id, missed.start, missed.end, kMostClips);
      if (!clips || !known) continue;
      for (const Gap& gap : coverage(*clips, *known, missed.start, missed.end, now).gaps)
        if (gap.reason == "not_recorded" && gap.end - gap.start >= kLate)
          note_missed(id, {gap.start, gap.end}, "not_running");
    }
  }
}

// A window, or what a camera noticed, whose beginning the camera did not send.
void Recordings::note_late_start(const Running& running, UtcTime clip_start) {
  const RecordingSpec& spec = running.recorder->spec();
  if ((spec.trigger == kSchedule || spec.trigger == kEvent) && clip_start - running.start >= kLate)
    note_missed(spec.camera_id, {running.start, clip_start}, "camera_down");
}

void Recordings::note_camera_away(const Running& running) {
  const UtcTime now = clock_.utc();
  note_missed(running.recorder->spec().camera_id, {running.start, std::min(running.end.value_or(now), now)},
              "camera_down");
}

void Recordings::note_missed(const std::string& camera_id, const Span& span, const std::string& reason) {
  Loss loss;
  loss.what = "packets";
  loss.camera_id = camera_id;
  loss.start = span.start;
  loss.end = span.end;
  loss.reason = reason;
  losses_.note(std::move(loss), clock_);
}

}  // namespace vedette
