#include "agent/command.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "core/token.h"

namespace vedette {

namespace {

constexpr size_t kMostTopicBytes = 200;
constexpr size_t kMostCorrelationBytes = 1024;
constexpr microseconds kLongestExpiry = std::chrono::hours(24 * 365);  // which no instant overflows by
// No command is so long on its way: by then its id is forgotten, and it could not be told from one that was run.
constexpr microseconds kLongestWay = std::chrono::hours(24 * 7);

// A reader that knows nothing of the other verbs.
template <auto Read>
Request as_request(JsonReader& params) {
  return Read(params);
}

// The reader of a verb that has no parameters.
template <class Params>
Params no_parameters(JsonReader&) {
  return {};
}

// version-traceid-parentid-flags in lower-case hex, as W3C Trace Context writes it.
bool is_traceparent(std::string_view text) {
  if (text.size() != 55) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 2 || i == 35 || i == 52;
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

// A response topic is input from outside: only what lies below our own reply/ is published to.
std::optional<std::string> good_response_topic(const std::string& topic, const std::string& base_topic) {
  const std::string below = base_topic + "/reply/";
  const bool good = topic.size() <= kMostTopicBytes && topic.size() > below.size() && topic.starts_with(below) &&
                    topic.find_first_of("+#") == std::string::npos;
  return good ? std::optional(topic) : std::nullopt;
}

Refusal refuse(Code code, std::string message) {
  return Refusal{"rejected", {code, std::move(message)}, {}, false};
}

Refusal refuse(std::vector<FieldError> errors) {
  Refusal refusal = refuse(Code::invalid_argument, summary(errors));
  refusal.errors = std::move(errors);
  return refusal;
}

// When the command came, as far as `expires_at` goes: by our clock, unless nobody vouches for it and the sender's
// contradicts it. A command does not come before it was sent; nor, of a clock that runs years ahead (a dead battery,
// 2099), long after that. Without `ts`, `expires_at` itself must not be so long ago.
UtcTime came_at(const Clock& clock, std::optional<UtcTime> sent_at, UtcTime expires_at) {
  const UtcTime now = clock.utc();
  if (clock.synchronised()) return now;
  if (sent_at) return *sent_at > now || now - *sent_at > kLongestWay ? *sent_at : now;
  return now - expires_at > kLongestWay ? expires_at - kLongestExpiry : now;
}

// Reads the members around params into `decoded`; the params, or the refusal when they are not to be looked at.
std::variant<const Json*, Refusal> read_envelope(JsonReader& r, const mqtt::Message& message,
                                                 const std::string& base_topic, const Clock& clock, Decoded& decoded) {
  ReplyTo& to = decoded.reply_to;
  to.command_id = r.require("id").uuid("id").value_or("");
  if (auto reply_to = r.string("reply_to")) {
    if (!is_token(*reply_to))
      r.error("reply_to", "must match ^[A-Za-z0-9_-]{1,64}$");
    else
      to.topic = base_topic + "/reply/" + *reply_to;
  }
  if (!message.response_topic.empty()) {
    if (auto topic = good_response_topic(message.response_topic, base_topic))
      to.topic = *topic;
    else
      r.error("", "the response topic must lie below " + base_topic + "/reply/");
  }
  to.actor = r.string("actor", 0, 128).value_or("");
  const auto traceparent = r.string("traceparent");
  if (traceparent && !is_traceparent(*traceparent)) r.error("traceparent", "is not a W3C traceparent");
  to.traceparent = traceparent.value_or(message.user_property("traceparent").value_or(""));
  if (!is_traceparent(to.traceparent)) to.traceparent.clear();
  const auto sent_at = r.time("ts");
  const auto expires_at = r.time("expires_at");
  const auto version = r.require("v").integer("v", 0, INT32_MAX);
  const Json* params = r.any("params");  // other members are for later versions of the API, and ignored
  if (version && *version != 1) return refuse(Code::unsupported_version, "/v: this is version 1 of the API");
  if (!r.errors().empty()) return refuse(std::move(r.errors()));
  if (expires_at) {
    const UtcTime now = came_at(clock, sent_at, *expires_at);
    if (*expires_at < now) {
      Refusal refusal = refuse(Code::expired, "expired at " + to_rfc3339(*expires_at));
      refusal.status = "expired";
      return refusal;
    }
    decoded.expires = to.received + std::min<microseconds>(*expires_at - now, kLongestExpiry);
  }
  if (message.expiry_s) decoded.expires = std::min(decoded.expires, to.received + seconds(*message.expiry_s));
  return params;
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = {
      {"recording.start", as_request<read_recording_start>, false},
      {"recording.stop", as_request<read_recording_stop>, false},
      {"recording.list", as_request<read_recording_list>, true},
      {"snapshot.take", as_request<read_snapshot_take>, false},
      {"clip.create", as_request<read_clip_create>, false},
      {"clip.query", as_request<read_clip_query>, true},
      {"clip.get", as_request<read_clip_get>, true},
      {"clip.url", as_request<read_clip_url>, true},
      {"clip.protect", as_request<read_clip_protect>, false},
      {"clip.delete", as_request<read_clip_delete>, false, true},
      {"timeline.query", as_request<read_timeline_query>, true},
      {"loss.query", as_request<read_loss_query>, true},
      {"storage.status", as_request<no_parameters<StorageStatus>>, true},
      {"camera.restart", as_request<read_camera_restart>, false},
      {"camera.probe", as_request<read_camera_probe>, true},
      {"camera.discover", as_request<read_camera_discover>, true},
      {"stream.open", as_request<read_stream_open>, true},
      {"stream.list", as_request<read_stream_list>, true},
      {"stream.close", as_request<read_stream_close>, true},
      {"config.report", as_request<no_parameters<ConfigReport>>, true},
      {"agent.ping", as_request<no_parameters<AgentPing>>, true},
      {"upload.pause", as_request<read_upload_pause>, false},
      {"upload.resume", as_request<no_parameters<UploadResume>>, false},
      {"upload.status", as_request<no_parameters<UploadStatus>>, true},
      {"clip.upload", as_request<read_clip_upload>, false},
      {"command.cancel", as_request<read_command_cancel>, false},
      {"audit.query", as_request<read_audit_query>, true},
      {"agent.rebirth", as_request<no_parameters<AgentRebirth>>, true},
      {"agent.log_level", as_request<read_agent_log_level>, true},
      {"agent.diagnostics", as_request<read_agent_diagnostics>, false},
  };
  return all;
}

std::string camera_of(const Request& request) {
  return std::visit(
      [](const auto& params) -> std::string {
        if constexpr (requires { params.camera_id.value(); })
          return params.camera_id.value_or("");
        else if constexpr (requires { params.camera_id; })
          return params.camera_id;
        else
          return {};
      },
      request);
}

bool begins_work(const Request& request) {
  return std::holds_alternative<RecordingStart>(request) || std::holds_alternative<ClipCreate>(request) ||
         std::holds_alternative<StreamOpen>(request) || std::holds_alternative<CameraProbe>(request) ||
         std::holds_alternative<CameraDiscover>(request) || std::holds_alternative<AgentDiagnostics>(request);
}

Durability durability_of(std::string_view verb) {
  const Verb* found = find_verb(verb);
  return found && found->only_asks ? Durability::kill : Durability::power_cut;
}

const Verb* find_verb(std::string_view name) {
  const auto& all = verbs();
  const auto it = std::find_if(all.begin(), all.end(), [&](const Verb& verb) { return verb.name == name; });
  return it == all.end() ? nullptr : &*it;
}

Decoded decode_command(const mqtt::Message& message, bool retained, const std::string& verb,
                       const std::string& base_topic, const Clock& clock) {
  Decoded decoded;
  ReplyTo& to = decoded.reply_to;
  to.topic = good_response_topic(message.response_topic, base_topic).value_or(base_topic + "/reply/default");
  to.verb = verb.substr(0, utf8_prefix(verb, 64));
  to.received = clock.mono();
  if (message.correlation_data.size() <= kMostCorrelationBytes) to.correlation = message.correlation_data;

  const auto document = parse_json(message.payload, JsonLimits{});
  if (!document) {
    decoded.content = refuse(document.error().code, document.error().message);
    return decoded;
  }
  std::vector<FieldError> errors;
  JsonReader envelope(*document, "", errors);
  auto params = read_envelope(envelope, message, base_topic, clock, decoded);
  const bool known = !to.command_id.empty();
  const auto refused = [&](Refusal refusal) {
    refusal.known = known && refusal.status == "rejected" && !retained;
    decoded.content = std::move(refusal);
    return decoded;
  };
  if (retained)
    return refused(refuse(Code::retained_not_allowed, "a retained command would run again at every reconnect"));
  if (auto* refusal = std::get_if<Refusal>(&params)) return refused(std::move(*refusal));
  const Verb* found = find_verb(verb);
  if (!found) return refused(refuse(Code::unknown_verb, "this version has no verb " + to.verb));
  static const Json kNoParams = Json::object();
  const Json* given = std::get<const Json*>(params);
  JsonReader reader(given ? *given : kNoParams, "/params", errors);
  Request request = found->read(reader);
  to.camera_id = camera_of(request);
  reader.done();
  if (!errors.empty()) return refused(refuse(std::move(errors)));
  decoded.content = std::move(request);
  return decoded;
}

}  // namespace vedette
