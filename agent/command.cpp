#include "agent/command.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "sources/onvif/discovery.h"

namespace vedette {

namespace {

constexpr size_t kMostDeleted = 100;
constexpr size_t kMostTopicBytes = 200;
constexpr size_t kMostCorrelationBytes = 1024;
constexpr size_t kMostUrlLength = 1024;
constexpr int64_t kDayMs = 86'400'000;
constexpr microseconds kLongestExpiry = std::chrono::hours(24 * 365);  // which no instant overflows by
// No command is so long on its way: by then its id is forgotten, and it could not be told from one that was run.
constexpr microseconds kLongestWay = std::chrono::hours(24 * 7);

template <class T>
T or_default(std::optional<T> value, T fallback) {
  return value ? std::move(*value) : std::move(fallback);
}

// What is wanted of clips that are made.
template <class Params>
void read_wishes(JsonReader& r, Params& p) {
  p.labels = or_default(r.strings("labels", kMostLabels, 1, kMostLabelLength), {});
  p.upload = or_default(r.choice("upload", {"auto", "never"}), std::string("auto")) == "auto";
  if (auto text = r.choice("priority", {"high", "normal", "low"})) p.priority = *priority_from(*text);
  if (auto text = r.choice("container", {"mp4", "ts", "flv"})) p.container = *container_from(*text);
}

Request read_recording_start(JsonReader& r) {
  RecordingStart p;
  p.camera_id = or_default(r.require("camera_id").name("camera_id"), std::string());
  p.recording_id = r.name("recording_id");
  p.start = r.time("start");
  p.allow_late = or_default(r.boolean("allow_late"), false);
  if (auto ms = r.integer("pre_roll_ms", 0, 3'600'000)) p.pre_roll = milliseconds(*ms);
  if (auto ms = r.integer("duration_ms", 1, kDayMs)) p.duration = milliseconds(*ms);
  read_wishes(r, p);
  if (r.has("start") && r.has("pre_roll_ms")) r.error("pre_roll_ms", "cannot be given together with start");
  return p;
}

Request read_recording_stop(JsonReader& r) {
  RecordingStop p;
  p.recording_id = r.name("recording_id");
  p.camera_id = r.name("camera_id");
  if (!r.has("recording_id") && !r.has("camera_id")) r.error("recording_id", "is required, or camera_id");
  return p;
}

Request read_recording_list(JsonReader& r) {
  return RecordingList{r.name("camera_id")};
}

std::optional<Config::Profile> read_profile(JsonReader& r) {
  const auto profile = r.choice("profile", {"main", "sub"});
  if (!profile) return std::nullopt;
  return *profile == "sub" ? Config::Profile::sub : Config::Profile::main;
}

Request read_snapshot_take(JsonReader& r) {
  SnapshotTake p;
  p.camera_id = or_default(r.require("camera_id").name("camera_id"), std::string());
  p.profile = read_profile(r);
  p.at = r.time("at");
  p.fresh = or_default(r.boolean("fresh"), false);
  p.width_px = static_cast<int>(or_default(r.integer("width_px", 16, 7680), int64_t{0}));
  if (const auto quality = r.integer("quality", 1, 100)) p.quality = static_cast<int>(*quality);
  const std::string origin = or_default(r.choice("origin", {"auto", "ring", "camera"}), std::string("auto"));
  if (origin == "ring") p.origin = SnapshotTake::Origin::ring;
  if (origin == "camera") p.origin = SnapshotTake::Origin::camera;
  const std::string deliver = or_default(r.choice("deliver", {"upload", "inline", "both"}), std::string("inline"));
  p.send_inline = deliver != "upload";
  p.send_upload = deliver != "inline";
  p.timeout = milliseconds(or_default(r.integer("timeout_ms", 100, 120'000), int64_t{10'000}));
  if (p.fresh && r.has("at")) r.error("fresh", "cannot be given together with at");
  if (origin == "camera" && r.has("at")) r.error("origin", "the camera has no past: cannot be given together with at");
  return p;
}

Request read_clip_create(JsonReader& r) {
  ClipCreate p;
  p.camera_id = or_default(r.require("camera_id").name("camera_id"), std::string());
  p.start = or_default(r.require("start").time("start"), UtcTime());
  p.end = or_default(r.require("end").time("end"), UtcTime());
  read_wishes(r, p);
  return p;
}

// What all queries by time have.
template <class Query>
void read_page(JsonReader& r, Query& q) {
  q.from = r.time("from");
  q.to = r.time("to");
  q.limit = static_cast<int>(or_default(r.integer("limit", 1, 200), int64_t{50}));
  q.cursor = or_default(r.string("cursor", 1, 1024), std::string());
}

Request read_clip_query(JsonReader& r) {
  ClipQuery q;
  q.camera_id = r.name("camera_id");
  read_page(r, q);
  q.labels = or_default(r.strings("labels", kMostLabels, 1, kMostLabelLength), {});
  const auto states = or_default(r.strings("state", 4, 1, 16), {});
  for (size_t i = 0; i < states.size(); ++i) {
    if (const auto state = clip_state_from(states[i]))
      q.states.push_back(*state);
    else
      r.errors().push_back(
          {r.path() + "/state/" + std::to_string(i), "must be one of: recording, finalizing, ready, deleting"});
  }
  q.newest_first = or_default(r.choice("order", {"asc", "desc"}), std::string("asc")) == "desc";
  return ClipQueryRequest{std::move(q)};
}

Request read_clip_get(JsonReader& r) {
  return ClipGet{or_default(r.require("clip_id").uuid("clip_id"), std::string())};
}

Request read_clip_url(JsonReader& r) {
  ClipUrl p;
  p.clip_id = or_default(r.require("clip_id").uuid("clip_id"), std::string());
  if (auto ttl = r.integer("ttl_s", 1, 7 * 86'400)) p.ttl = seconds(*ttl);
  return p;
}

Request read_clip_protect(JsonReader& r) {
  ClipProtect p;
  p.clip_id = or_default(r.require("clip_id").uuid("clip_id"), std::string());
  p.wanted = or_default(r.require("protected").boolean("protected"), true);
  p.until = r.time("until");
  if (!p.wanted && r.has("until")) r.error("until", "only goes with protected: true");
  return p;
}

Request read_clip_delete(JsonReader& r) {
  ClipDelete p;
  if (auto ids = r.require("clip_ids").strings("clip_ids", kMostDeleted, 0, 1024)) {
    for (size_t i = 0; i < ids->size(); ++i)
      if (!is_uuid((*ids)[i]))
        r.errors().push_back({r.path() + "/clip_ids/" + std::to_string(i), "must be a UUID in lower case"});
    if (ids->empty()) r.error("clip_ids", "must hold one at least");
    p.clip_ids = std::move(*ids);
  }
  p.force = or_default(r.boolean("force"), false);
  return p;
}

Request read_timeline_query(JsonReader& r) {
  TimelineQuery p;
  p.camera_id = or_default(r.require("camera_id").name("camera_id"), std::string());
  p.from = or_default(r.require("from").time("from"), UtcTime());
  p.to = or_default(r.require("to").time("to"), UtcTime());
  return p;
}

Request read_loss_query(JsonReader& r) {
  LossQuery q;
  read_page(r, q);
  return LossQueryRequest{std::move(q)};
}

Request read_storage_status(JsonReader&) {
  return StorageStatus{};
}

Request read_camera_restart(JsonReader& r) {
  return CameraRestart{or_default(r.require("camera_id").name("camera_id"), std::string())};
}

Request read_camera_probe(JsonReader& r) {
  CameraProbe p;
  p.url = r.string("url", 1, kMostUrlLength);
  p.auth_camera_id = r.name("auth_camera_id");
  p.camera_id = r.name("camera_id");
  p.transport = or_default(r.choice("transport", {"tcp", "udp", "auto", "multicast", "http"}), std::string());
  p.timeout = milliseconds(or_default(r.integer("timeout_ms", 100, 60'000), int64_t{10'000}));
  if (r.has("url") == r.has("camera_id")) r.error("url", "is required, or camera_id, and not both");
  for (const std::string_view key : {"auth_camera_id", "transport"})
    if (!r.has("url") && r.has(key)) r.error(key, "only goes with url");
  // A '@' in a path can be written as %40, so what is there stands behind credentials, or is taken for that somewhere.
  if (p.url && p.url->find('@') != std::string::npos)
    r.error("url", "must not hold credentials: name a camera whose are to be used in auth_camera_id");
  return p;
}

Request read_camera_discover(JsonReader& r) {
  CameraDiscover p;
  p.timeout = milliseconds(or_default(r.integer("timeout_ms", 500, 10'000), int64_t{3000}));
  p.address = or_default(r.string("address", 7, 15), std::string());
  if (!p.address.empty() && !onvif::is_unicast_ipv4(p.address))
    r.error("address", "must be the IPv4 address of one machine");
  return p;
}

Request read_stream_open(JsonReader& r) {
  StreamOpen p;
  p.camera_id = or_default(r.require("camera_id").name("camera_id"), std::string());
  p.profile = read_profile(r);
  if (auto ttl = r.integer("ttl_s", 1, 3600)) p.ttl = seconds(*ttl);
  return p;
}

Request read_stream_list(JsonReader& r) {
  return StreamList{r.name("camera_id")};
}

Request read_stream_close(JsonReader& r) {
  return StreamClose{or_default(r.require("stream_id").uuid("stream_id"), std::string())};
}

Request read_agent_ping(JsonReader&) {
  return AgentPing{};
}

// A reader that knows nothing of the other verbs.
template <auto Read>
Request as_request(JsonReader& r) {
  return Read(r);
}

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
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
UtcTime came_at(UtcTime now, bool clock_synced, std::optional<UtcTime> sent_at, UtcTime expires_at) {
  if (clock_synced) return now;
  if (sent_at) return *sent_at > now || now - *sent_at > kLongestWay ? *sent_at : now;
  return now - expires_at > kLongestWay ? expires_at - kLongestExpiry : now;
}

// Reads the members around params into `decoded`; the params, or the refusal when they are not to be looked at.
std::variant<const Json*, Refusal> read_envelope(JsonReader& r, const mqtt::Message& message,
                                                 const std::string& base_topic, UtcTime now, bool clock_synced,
                                                 Decoded& decoded) {
  ReplyTo& to = decoded.reply_to;
  to.command_id = or_default(r.require("id").uuid("id"), std::string());
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
  to.actor = or_default(r.string("actor", 0, 128), std::string());
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
  if (expires_at) now = came_at(now, clock_synced, sent_at, *expires_at);
  if (expires_at && *expires_at < now) {
    Refusal refusal = refuse(Code::expired, "expired at " + to_rfc3339(*expires_at));
    refusal.status = "expired";
    return refusal;
  }
  if (expires_at) decoded.expires = to.received + std::min<microseconds>(*expires_at - now, kLongestExpiry);
  if (message.expiry_s) decoded.expires = std::min(decoded.expires, to.received + seconds(*message.expiry_s));
  return params;
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = {
      {"recording.start", read_recording_start, false},
      {"recording.stop", read_recording_stop, false},
      {"recording.list", read_recording_list, true},
      {"snapshot.take", read_snapshot_take, false},
      {"clip.create", read_clip_create, false},
      {"clip.query", read_clip_query, true},
      {"clip.get", read_clip_get, true},
      {"clip.url", read_clip_url, true},
      {"clip.protect", read_clip_protect, false},
      {"clip.delete", read_clip_delete, false, true},
      {"timeline.query", read_timeline_query, true},
      {"loss.query", read_loss_query, true},
      {"storage.status", read_storage_status, true},
      {"camera.restart", read_camera_restart, false},
      {"camera.probe", read_camera_probe, true},
      {"camera.discover", read_camera_discover, true},
      {"stream.open", read_stream_open, true},
      {"stream.list", read_stream_list, true},
      {"stream.close", read_stream_close, true},
      {"config.report", [](JsonReader&) -> Request { return ConfigReport{}; }, true},
      {"agent.ping", read_agent_ping, true},
      {"upload.pause", [](JsonReader& r) -> Request { return read_upload_pause(r); }, false},
      {"upload.resume", [](JsonReader&) -> Request { return UploadResume{}; }, false},
      {"upload.status", [](JsonReader&) -> Request { return UploadStatus{}; }, true},
      {"clip.upload", [](JsonReader& r) -> Request { return read_clip_upload(r); }, false},
      {"command.cancel", as_request<read_command_cancel>, false},
      {"audit.query", as_request<read_audit_query>, true},
      {"agent.rebirth", as_request<read_agent_rebirth>, true},
      {"agent.log_level", as_request<read_agent_log_level>, true},
      {"agent.diagnostics", [](JsonReader& r) -> Request { return read_agent_diagnostics(r); }, false},
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
                       const std::string& base_topic, UtcTime now, bool clock_synced, MonoTime received) {
  Decoded decoded;
  ReplyTo& to = decoded.reply_to;
  to.topic = good_response_topic(message.response_topic, base_topic).value_or(base_topic + "/reply/default");
  to.verb = verb.substr(0, 64);
  to.received = received;
  if (message.correlation_data.size() <= kMostCorrelationBytes) to.correlation = message.correlation_data;

  const auto document = parse_json(message.payload, JsonLimits{});
  if (!document) {
    decoded.content = refuse(document.error().code, document.error().message);
    return decoded;
  }
  std::vector<FieldError> errors;
  JsonReader envelope(*document, "", errors);
  auto params = read_envelope(envelope, message, base_topic, now, clock_synced, decoded);
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
