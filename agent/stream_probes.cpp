#include "agent/stream_probes.h"

#include <nlohmann/json.hpp>

#include "agent/from_config.h"
#include "agent/probe_target.h"

namespace vedette {

namespace {

using messages::Answer;

constexpr size_t kMostWaiting = 8;
constexpr microseconds kAskLimit = 3s;

ProbeLimits limits_of(const Config& config, const Config::Camera& camera) {
  return {camera.ring, camera.ring_most_bytes, config.recording.audio};
}

Json with_device(Json report, const CameraHttpConfig& http, const std::stop_token& stop) {
  if (!has_camera_http(http.url)) return report;
  auto camera = CameraHttp::of(http);
  add_device(report, camera ? ask_device_info(*camera, Clock::system().mono() + kAskLimit, stop)
                            : Result<DeviceInfo>(camera.error_as_is()));
  return report;
}

}  // namespace

StreamProbes::StreamProbes(const Config& config, SessionBudget& budget, Inbox<Event>& inbox, const Clock& clock)
    : config_(config), budget_(budget), inbox_(inbox), clock_(clock), jobs_("probes", kMostWaiting) {}

Answer StreamProbes::probe(const ReplyTo& to, const CameraProbe& request, Camera* camera) {
  if (!camera) {
    const auto target = probe_target(request, config_);
    if (!target) return messages::rejected(target.error());
    const std::string like = request.auth_camera_id.value_or("");
    const auto configured = config_.cameras.find(like);
    const Config::Camera kDefaults;
    const Config::Camera& settings = configured == config_.cameras.end() ? kDefaults : configured->second;
    const CameraHttpConfig http{target->url,        target->username,  target->password,
                                settings.http_port, settings.http_tls, settings.ca_file};
    return connect(to, {*target, like, http}, request.timeout, limits_of(config_, settings));
  }
  const CameraStatus status = camera->status();
  const Config::Camera& configured = config_.cameras.at(camera->id());
  const ProbeLimits limits = limits_of(config_, configured);
  const CameraHttpConfig http = camera_http_config(configured, configured.record_profile);
  if (status.state == CameraState::streaming)
    return submit(to, [this, limits, http, &ring = camera->ring()](const std::stop_token& stop) {
      const StreamReport report = probe_ring(ring, clock_);  // which outlives the jobs
      if (report.keyframes > 0) return messages::succeeded(with_device(probe_report(report, limits), http, stop));
      return messages::failed({Code::camera_unavailable, "nothing has come since it connected anew"});
    });
  // One try more is one nearer to a locked account.
  if (status.state == CameraState::auth_failed)
    return messages::rejected({Code::forbidden, "the camera is auth_failed: " + status.error});
  return connect(to, {camera_config(config_, camera->id()).source, camera->id(), http}, request.timeout, limits);
}

Answer StreamProbes::connect(const ReplyTo& to, const Target& target, milliseconds timeout, const ProbeLimits& limits) {
  const std::string& session_of = target.session_of;
  if (!session_of.empty())
    if (auto free = budget_.take(session_of); !free) return messages::rejected(free.error());
  const Look look = [this, target, timeout, limits](const std::stop_token& stop) {
    const auto probed = probe_stream(target.source, timeout, clock_, stop);
    if (!probed) return messages::failed(probed.error());
    return messages::succeeded(with_device(probe_report(*probed, limits), target.http, stop));
  };
  Answer answer = submit(to, look, session_of);
  if (!session_of.empty() && answer.status != "accepted") budget_.give_back(session_of);
  return answer;
}

Answer StreamProbes::submit(const ReplyTo& to, const Look& look, const std::string& session_of) {
  const auto dropped = [this, to, session_of] {
    inbox_.push(CommandDone{to, messages::given_up(nullptr), session_of});
  };
  const bool queued = jobs_.submit(
      [this, to, look, session_of](const std::stop_token& stop) {
        inbox_.push(CommandDone{to, look(stop), session_of});
      },
      {to.command_id, dropped});
  return queued ? messages::accepted() : messages::rejected({Code::busy, "too many probes are waiting; try again"});
}

}  // namespace vedette
