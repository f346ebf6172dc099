#include "agent/stream_probes.h"

#include <nlohmann/json.hpp>

#include "agent/from_config.h"
#include "agent/probe_target.h"

namespace vedette {

namespace {

using messages::Answer;

constexpr size_t kMostWaiting = 8;

ProbeLimits limits_of(const Config& config, const Config::Camera& camera) {
  return {camera.ring, camera.ring_most_bytes, config.recording.audio};
}

}  // namespace

StreamProbes::StreamProbes(const Config& config, Inbox<Event>& inbox, const Clock& clock)
    : config_(config), inbox_(inbox), clock_(clock), jobs_("probes", kMostWaiting) {}

Answer StreamProbes::probe(const ReplyTo& to, const CameraProbe& request, Camera* camera) {
  if (!camera) {
    const auto target = probe_target(request, config_);
    if (!target) return messages::rejected(target.error());
    const auto like = config_.cameras.find(request.auth_camera_id.value_or(""));
    return connect(to, *target, request.timeout,
                   limits_of(config_, like == config_.cameras.end() ? Config::Camera() : like->second));
  }
  const CameraStatus status = camera->status();
  const Config::Camera& configured = config_.cameras.at(camera->id());
  const ProbeLimits limits = limits_of(config_, configured);
  if (status.state == CameraState::streaming)
    return submit(to, [this, limits, &ring = camera->ring()](const std::stop_token&) {  // which outlives the jobs
      const StreamReport report = probe_ring(ring, clock_);
      if (report.keyframes > 0) return messages::succeeded(probe_report(report, limits));
      return messages::failed({Code::camera_unavailable, "nothing has come since it connected anew"});
    });
  // One try more is one nearer to a locked account.
  if (status.state == CameraState::auth_failed)
    return messages::rejected({Code::forbidden, "the camera is auth_failed: " + status.error});
  return connect(to, camera_config(camera->id(), configured).source, request.timeout, limits);
}

Answer StreamProbes::connect(const ReplyTo& to, const SourceConfig& source, milliseconds timeout,
                             const ProbeLimits& limits) {
  return submit(to, [this, source, timeout, limits](const std::stop_token& stop) {
    const auto probed = probe_stream(source, timeout, clock_, stop);
    return probed ? messages::succeeded(probe_report(*probed, limits)) : messages::failed(probed.error());
  });
}

Answer StreamProbes::submit(const ReplyTo& to, const Look& look) {
  const bool queued = jobs_.submit([this, to, look](const std::stop_token& stop) {
    inbox_.push(CommandDone{to, look(stop)});
  });
  return queued ? messages::accepted() : messages::rejected({Code::busy, "too many probes are waiting; try again"});
}

}  // namespace vedette
