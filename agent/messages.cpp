#include "agent/messages.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/severity.h"
#include "core/redact.h"

namespace vedette::messages {

namespace {

double to_decimal_ms(microseconds d) {
  return static_cast<double>(d.count()) / 1000.0;
}

std::string_view record_name(Config::Record record) {
  switch (record) {
    case Config::Record::continuous:
      return "continuous";
    case Config::Record::schedule:
      return "schedule";
    case Config::Record::command:
      break;
  }
  return "command";
}

// The place that the message of an invalid argument names, "/params/until: is in the past".
std::vector<FieldError> places_in(const Error& error) {
  const size_t colon = error.message.find(": ");
  if (error.code != Code::invalid_argument || !error.message.starts_with("/params/") || colon == std::string::npos)
    return {};
  return {{error.message.substr(0, colon), error.message.substr(colon + 2)}};
}

double rounded(double value, double unit) {
  return std::round(value / unit) * unit;
}

}  // namespace

Answer succeeded(Json result) {
  return {"succeeded", {Code::ok, {}}, {}, std::make_shared<Json>(std::move(result))};
}
Answer failed(Error error) {
  return {"failed", std::move(error), {}, nullptr};
}
Answer failed(Error error, Json result) {
  return {"failed", std::move(error), {}, std::make_shared<Json>(std::move(result))};
}
Answer rejected(Error error) {
  auto places = places_in(error);
  return {"rejected", std::move(error), std::move(places), nullptr};
}
Answer rejected(Error error, Json result) {
  Answer answer = rejected(std::move(error));
  answer.result = std::make_shared<Json>(std::move(result));
  return answer;
}
Answer accepted() {
  return {"accepted", {Code::ok, {}}, {}, nullptr};
}

Answer in_progress(Json result) {
  return {"in_progress", {Code::ok, {}}, {}, std::make_shared<Json>(std::move(result))};
}

bool is_final(const Answer& answer) {
  return answer.status != "accepted" && answer.status != "in_progress";
}

Answer given_up(Json result) {
  Answer answer = failed({Code::cancelled, "it was given up before it was done"});
  if (!result.is_null()) answer.result = std::make_shared<Json>(std::move(result));
  return answer;
}
Answer expired(std::string message) {
  return {"expired", {Code::expired, std::move(message)}, {}, nullptr};
}

Answer refused(const Error& error) {
  // The catalog knows the parameter by its name only.
  if (error.code == Code::invalid_argument && error.message.starts_with("cursor: "))
    return rejected({error.code, "/params/" + error.message});
  const bool asker =
      error.code == Code::not_found || error.code == Code::invalid_argument || error.code == Code::conflict;
  return asker ? rejected(error) : failed(error);
}

Json reply(const ReplyTo& to, const Answer& answer, MonoTime now) {
  Json json;
  json["command_id"] = to.command_id.empty() ? Json(nullptr) : Json(to.command_id);
  json["verb"] = to.verb;
  json["status"] = answer.status;
  json["code"] = code_name(answer.error.code);
  if (!answer.error.message.empty()) json["message"] = redact(answer.error.message);
  if (!answer.errors.empty()) {
    json["errors"] = Json::array();
    for (const FieldError& error : answer.errors)
      json["errors"].push_back({{"path", error.path}, {"message", redact(error.message)}});
  }
  if (answer.result) json["result"] = *answer.result;
  if (!to.traceparent.empty()) json["traceparent"] = to.traceparent;
  if (is_final(answer)) json["took_ms"] = to_ms(now - to.received);
  return json;
}

Json event(const OutboxEvent& event) {
  Json json;
  json["type"] = event.type;
  json["severity"] = severity_of(event.type);
  if (!event.camera_id.empty()) json["camera_id"] = event.camera_id;
  if (!event.command_id.empty()) json["command_id"] = event.command_id;
  if (!event.traceparent.empty()) json["traceparent"] = event.traceparent;
  json["data"] = Json::parse(event.data, nullptr, false);
  return json;
}

Json status(const StatusBody& body) {
  Json json;
  json["state"] = body.state;
  json["connection_id"] = body.connection_id;
  json["boot_id"] = boot_id();
  json["version"] = VEDETTE_VERSION;
  json["uptime_s"] = std::chrono::floor<seconds>(body.uptime).count();
  json["clock"] = {{"synced", body.clock_synced}};
  json["config_version"] = body.config_version;
  json["cameras"] = {{"total", body.cameras}, {"streaming", body.streaming}, {"recording", body.recording}};
  json["outbox"] = {{"rows", body.outbox.rows},
                    {"refused", body.outbox.refused},
                    {"bytes", body.outbox.bytes},
                    {"oldest_s", body.outbox.oldest_s},
                    {"dropped_total", body.outbox.dropped_total()}};
  json["problems"] = Json::array();
  for (const auto& problem : body.problems) {
    Json one = {{"code", problem.code}, {"message", redact(problem.message)}};
    if (!problem.camera_id.empty()) one["camera_id"] = problem.camera_id;
    json["problems"].push_back(std::move(one));
  }
  return json;
}

Json will(const std::string& connection_id) {
  return {{"v", 1}, {"state", "lost"}, {"connection_id", connection_id}, {"reason", "connection_lost"}};
}

Json info(const Config& config) {
  Json json;
  json["device_id"] = config.device_id;
  json["version"] = VEDETTE_VERSION;
  json["verbs"] = Json::array();
  for (const Verb& verb : verbs()) json["verbs"].push_back(verb.name);
  json["schemas"] = {"v1"};
  if (config.storage.signing_key) json["signing_key_id"] = config.storage.signing_key->verifying_key().id();
  utsname system{};
  uname(&system);
  json["hardware"] = {{"arch", system.machine},
                      {"cores", sysconf(_SC_NPROCESSORS_ONLN)},
                      {"memory_bytes", int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGE_SIZE)},
                      {"os", system.sysname},
                      {"kernel", system.release}};
  json["cameras"] = Json::array();
  for (const auto& [id, camera] : config.cameras)
    json["cameras"].push_back({{"camera_id", id},
                               {"scheme", camera.url.substr(0, camera.url.find("://"))},
                               {"enabled", camera.enabled},
                               {"record", record_name(camera.record)}});
  return json;
}

Json camera_state(const std::string& camera_id, const CameraStatus& status, const CameraFigures& figures,
                  const std::vector<std::string>& recording_ids, MonoTime now) {
  Json json;
  json["camera_id"] = camera_id;
  json["state"] = state_name(status.state);
  json["since"] = to_rfc3339(status.since);
  json["recording"] = {{"active", !recording_ids.empty()}, {"recording_ids", recording_ids}};
  if (status.info) {
    const VideoTrack& video = status.info->video;
    Json stream = {{"codec", codec_name(video.codec)}};
    if (video.width_px > 0) stream["width_px"] = video.width_px;
    if (video.height_px > 0) stream["height_px"] = video.height_px;
    const double fps = figures.fps > 0 ? figures.fps : video.fps;
    if (fps > 0) stream["fps"] = rounded(fps, 0.01);
    if (figures.bitrate_bps > 0) stream["bitrate_bps"] = figures.bitrate_bps;
    if (figures.ring.gop > 0us) stream["gop_ms"] = to_ms(figures.ring.gop);
    stream["audio"] = status.info->audio ? Json(codec_name(status.info->audio->codec)) : Json(nullptr);
    json["stream"] = std::move(stream);
  }
  json["preroll_available_ms"] = figures.ring.oldest ? std::max<int64_t>(0, to_ms(now - *figures.ring.oldest)) : 0;
  if (status.last_frame_at) json["last_frame_at"] = to_rfc3339(*status.last_frame_at);
  json["error"] = status.error.empty() ? Json(nullptr) : Json(redact(status.error));
  return json;
}

Json lasting(Json state) {
  for (const char* moving : {"preroll_available_ms", "last_frame_at"}) state.erase(moving);
  if (const auto stream = state.find("stream"); stream != state.end() && stream->is_object())
    for (const char* moving : {"fps", "bitrate_bps", "gop_ms"}) stream->erase(moving);
  return state;
}

Json camera_event(const CameraEvent& event) {
  Json data = {{"type", camera_event_name(event.type)}, {"vendor_type", event.vendor_type}};
  if (!event.started) data["duration_ms"] = to_ms(event.duration);
  return data;
}

Json camera_up(const CameraStatus& status, uint64_t reconnects) {
  Json json;
  const VideoTrack& video = status.info->video;
  json["codec"] = codec_name(video.codec);
  if (video.width_px > 0) json["width_px"] = video.width_px;
  if (video.height_px > 0) json["height_px"] = video.height_px;
  if (video.fps > 0) json["fps"] = rounded(video.fps, 0.01);
  if (status.info->audio) json["audio"] = codec_name(status.info->audio->codec);
  json["reconnects_total"] = reconnects;
  return json;
}

Json figures(const Histogram::Figures& figures) {
  return {{"p50_ms", to_decimal_ms(figures.p50)},
          {"p99_ms", to_decimal_ms(figures.p99)},
          {"max_ms", to_decimal_ms(figures.max)}};
}

}  // namespace vedette::messages
