#include "agent/frame_streams.h"

#include <nlohmann/json.hpp>

#include "agent/from_config.h"
#include "core/log.h"
#include "live/frame_format.h"

namespace vedette {

using messages::Answer;

namespace {

Error not_configured() {
  return {Code::unsupported, "frames are not served: live.frames is not configured"};
}

Json endpoints(const Config::LiveFrames& frames) {
  Json out = Json::array();
  if (!frames.unix_path.empty()) out.push_back({{"kind", "unix"}, {"path", frames.unix_path.string()}});
  if (!frames.listen.empty()) out.push_back({{"kind", "tcp"}, {"address", frames.listen}});
  return out;
}

}  // namespace

FrameStreams::FrameStreams(const Config& config, SecondProfiles& second_profiles, Inbox<Event>& inbox,
                           const Clock& clock)
    : config_(config), second_profiles_(second_profiles), inbox_(inbox), clock_(clock) {}

Status FrameStreams::start() {
  if (!config_.live_frames.on()) return {};
  auto server = FrameServer::start(
      frame_server_config(config_.live_frames), [this](FrameReport report) { inbox_.push(std::move(report)); }, clock_);
  if (!server) return server.error_as_is();
  server_ = std::move(*server);
  return {};
}

Answer FrameStreams::open(const StreamOpen& request, Camera& camera) {
  if (!server_) return messages::rejected(not_configured());
  const Config::Camera& configured = config_.cameras.at(request.camera_id);
  if (!configured.enabled)
    return messages::rejected({Code::camera_unavailable, "the camera is disabled in the configuration"});
  const Config::Profile profile = request.profile.value_or(configured.record_profile);
  const bool on_demand = profile != configured.record_profile;
  Ring* ring = &camera.ring();
  if (on_demand) {
    const auto second = second_profiles_.use(request.camera_id);
    if (!second) return messages::rejected({second.error().code, "/params/profile: " + second.error().message});
    ring = &(*second)->ring();
  }
  const std::string name(profile_name(profile));
  const UtcTime expires_at = clock_.utc() + request.ttl;
  const auto ticket = server_->open(request.camera_id, name, *ring, request.ttl);
  if (!ticket) {
    if (on_demand) second_profiles_.release(request.camera_id);
    return messages::rejected({ticket.error().code, ticket.error().message + " (live.frames.max_clients)"});
  }
  if (on_demand) on_demand_.insert(ticket->stream_id);
  return messages::succeeded({{"stream_id", ticket->stream_id},
                              {"camera_id", request.camera_id},
                              {"profile", name},
                              {"token", ticket->token},
                              {"expires_at", to_rfc3339(expires_at)},
                              {"format", frames::kFormat},
                              {"endpoints", endpoints(config_.live_frames)}});
}

Answer FrameStreams::list(const StreamList& request) const {
  Json streams = Json::array();
  const auto states = server_ ? server_->streams() : std::vector<FrameStreamState>();
  for (const FrameStreamState& state : states) {
    if (request.camera_id && state.camera_id != *request.camera_id) continue;
    Json stream = {{"stream_id", state.stream_id},
                   {"camera_id", state.camera_id},
                   {"profile", state.profile},
                   {"state", state.connected_at ? "connected" : "waiting"}};
    if (state.connected_at) stream["since"] = to_rfc3339(*state.connected_at);
    stream["frames_total"] = state.frames;
    stream["dropped_frames_total"] = state.dropped;
    stream["bytes_total"] = state.bytes;
    streams.push_back(std::move(stream));
  }
  return messages::succeeded({{"streams", std::move(streams)}});
}

Answer FrameStreams::close(const StreamClose& request) {
  if (server_ && server_->close(request.stream_id)) return messages::succeeded({{"stream_id", request.stream_id}});
  return messages::rejected({Code::not_found, "/params/stream_id: there is no stream " + request.stream_id});
}

void FrameStreams::close_all(const std::string& camera_id) {
  if (!server_) return;
  for (const FrameStreamState& stream : server_->streams())
    if (stream.camera_id == camera_id) server_->close(stream.stream_id);
}

void FrameStreams::on_report(const FrameReport& report) {
  const FrameStreamState& stream = report.stream;
  if (report.kind == FrameReport::Kind::connected) {
    log::info("frames are read", {{"camera", stream.camera_id}, {"stream_id", stream.stream_id}});
    return;
  }
  log::info("a stream of frames is over", {{"camera", stream.camera_id},
                                           {"stream_id", stream.stream_id},
                                           {"reason", report.reason},
                                           {"frames", stream.frames},
                                           {"dropped", stream.dropped}});
  if (on_demand_.erase(stream.stream_id) > 0) second_profiles_.release(stream.camera_id);
}

void FrameStreams::request_stop() {
  if (server_) server_->request_stop();
}

}  // namespace vedette
