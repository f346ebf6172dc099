#include "agent/latency_watch.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/log.h"

namespace vedette {

namespace {

constexpr seconds kInterval{1};

}  // namespace

LatencyWatch::LatencyWatch(microseconds threshold, const Cameras& cameras, Recordings& recordings, Outbox& outbox,
                           const Clock& clock)
    : threshold_(threshold), cameras_(cameras), recordings_(recordings), outbox_(outbox), clock_(clock) {}

void LatencyWatch::set_threshold(microseconds threshold) {
  if (threshold == threshold_) return;
  threshold_ = threshold;
  watched_.clear();
  forgotten_ = true;
}

void LatencyWatch::forget(const std::string& camera_id) {
  if (watched_.erase(camera_id) > 0) forgotten_ = true;
}

bool LatencyWatch::look_when_due(MonoTime now) {
  bool changed = std::exchange(forgotten_, false);
  if (threshold_ == 0us || now < next_look_) return changed;
  next_look_ = now + kInterval;
  for (const auto& [id, camera] : cameras_) {
    auto it = watched_.find(id);
    if (it == watched_.end())
      it = watched_.emplace(id, Watched{CameraStages(*camera, recordings_.stages(id)), LatencyAlarm(threshold_)}).first;
    const StageFigures figures = it->second.stages.next();
    if (it->second.alarm.see(figures, now) == LatencyAlarm::Change::none) continue;
    tell(id, it->second.alarm, figures);
    changed = true;
  }
  return changed;
}

void LatencyWatch::tell(const std::string& camera_id, const LatencyAlarm& alarm, const StageFigures& figures) {
  Json data = {{"threshold_ms", to_ms(threshold_)}};
  if (alarm.raised()) {
    data["stage"] = stage_name(alarm.worst());
    data["p99_ms"] = to_ms(alarm.worst_p99());
    log::warn("frames take too long",
              {{"camera", camera_id}, {"stage", stage_name(alarm.worst())}, {"p99_ms", to_ms(alarm.worst_p99())}});
  } else {
    log::info("frames take no longer than they may", {{"camera", camera_id}});
  }
  add_stages(data, figures);
  outbox_.note(make_event(alarm.raised() ? "latency.alarm" : "latency.ok", camera_id, data, clock_.utc()));
}

std::vector<LatencyWatch::Slow> LatencyWatch::slow() const {
  std::vector<Slow> out;
  for (const auto& [id, watched] : watched_)
    if (watched.alarm.raised())
      out.push_back({id, "the stage " + std::string(stage_name(watched.alarm.worst())) + " takes " +
                             std::to_string(to_ms(watched.alarm.worst_p99())) + " ms (p99)"});
  return out;
}

}  // namespace vedette
