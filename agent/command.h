#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/agent_requests.h"
#include "agent/config.h"
#include "agent/diagnostics_request.h"
#include "agent/upload_requests.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"
#include "mqtt/session.h"
#include "storage/catalog.h"
#include "storage/loss_ledger.h"

namespace vedette {

// Where the answer to a command goes, and what it must carry.
struct ReplyTo {
  std::string topic;
  std::string correlation;  // bytes
  std::string command_id;   // empty: the command had no usable id
  std::string verb;
  std::string traceparent;
  MonoTime received;
  std::string actor{};      // who asks, as they say
  std::string camera_id{};  // that it is about; empty: none
};

// Labels of a recording or clip.
inline constexpr size_t kMostLabels = 16;
inline constexpr size_t kMostLabelLength = 64;

// The parameters of each verb, read and checked.
struct RecordingStart {
  std::string camera_id;
  std::optional<std::string> recording_id;
  std::optional<UtcTime> start;
  bool allow_late = false;
  std::optional<milliseconds> pre_roll;
  std::optional<milliseconds> duration;
  std::vector<std::string> labels;
  bool upload = true;
  Priority priority = Priority::normal;
  Container container = Container::mp4;
};
struct RecordingStop {
  std::optional<std::string> recording_id;
  std::optional<std::string> camera_id;
};
struct RecordingList {
  std::optional<std::string> camera_id;
};
struct SnapshotTake {
  enum class Origin { automatic, ring, camera };
  std::string camera_id;
  std::optional<Config::Profile> profile;  // nothing: that which is recorded
  std::optional<UtcTime> at;
  bool fresh = false;
  Origin origin = Origin::automatic;
  int width_px = 0;
  std::optional<int> quality;  // nothing: as good as usual, or as the camera made it
  bool send_inline = true;
  bool send_upload = false;
  milliseconds timeout{10'000};
};
struct ClipCreate {
  std::string camera_id;
  UtcTime start;
  UtcTime end;
  std::vector<std::string> labels;
  bool upload = true;
  Priority priority = Priority::normal;
  Container container = Container::mp4;
};
struct ClipQueryRequest {
  ClipQuery query;
};
struct ClipGet {
  std::string clip_id;
};
struct ClipUrl {
  std::string clip_id;
  seconds ttl{3600};
};
struct TimelineQuery {
  std::string camera_id;
  UtcTime from;
  UtcTime to;
};
struct ClipProtect {
  std::string clip_id;
  bool wanted = true;
  std::optional<UtcTime> until;
};
struct ClipDelete {
  std::vector<std::string> clip_ids;
  bool force = false;
};
struct LossQueryRequest {
  LossQuery query;
};
struct StorageStatus {};
struct CameraRestart {
  std::string camera_id;
};
// Exactly one of url and camera_id is there.
struct CameraProbe {
  std::optional<std::string> url;
  std::optional<std::string> auth_camera_id;  // with url: whose credentials are to be used
  std::optional<std::string> camera_id;
  std::string transport;  // with url; empty: as of auth_camera_id, or tcp
  milliseconds timeout{10'000};
};
struct CameraDiscover {
  std::string address;  // the one to ask; empty: all that multicast reaches
  milliseconds timeout{3000};
};
struct StreamOpen {
  std::string camera_id;
  std::optional<Config::Profile> profile;  // nothing: that which is recorded
  seconds ttl{60};
};
struct StreamList {
  std::optional<std::string> camera_id;
};
struct StreamClose {
  std::string stream_id;
};
struct ConfigReport {};
struct AgentPing {};

using Request = std::variant<RecordingStart, RecordingStop, RecordingList, SnapshotTake, ClipCreate, ClipQueryRequest,
                             ClipGet, ClipUrl, ClipProtect, ClipDelete, TimelineQuery, LossQueryRequest, StorageStatus,
                             CameraRestart, CameraProbe, CameraDiscover, StreamOpen, StreamList, StreamClose,
                             ConfigReport, AgentPing, UploadPause, UploadResume, UploadStatus, ClipUpload,
                             CommandCancel, AuditQueryRequest, AgentRebirth, AgentLogLevel, AgentDiagnostics>;

// A verb's name and the reader of its parameters; errors are collected by the JsonReader.
struct Verb {
  std::string_view name;
  Request (*read)(JsonReader& params);
  bool only_asks;           // changes nothing: doing it twice does no harm
  bool makes_room = false;  // on the disk, which may be so full that not even the command can be logged
};
// The camera that is named in the parameters; empty: none.
std::string camera_of(const Request& request);
// All verbs that this version has.
const std::vector<Verb>& verbs();
const Verb* find_verb(std::string_view name);
// What the command log must promise of a command with this verb.
Durability durability_of(std::string_view verb);

struct Command {
  ReplyTo reply_to;
  Request request;
  MonoTime expires = kNever;  // not to be begun after this instant
};

// Why a command is not run. `status` is rejected or expired.
struct Refusal {
  std::string status = "rejected";
  Error error;
  std::vector<FieldError> errors;
  bool known = false;  // a usable id was there and nothing forbids keeping the reply under it
};

// What a message on a command topic turns into. Pure: no clock but the one given, no state.
struct Decoded {
  ReplyTo reply_to;
  std::variant<Request, Refusal> content;
  MonoTime expires = kNever;
};
// `clock_synced`: `now` is known to be right. Where it is not, `expires_at` counts by the sender's `ts` when the two
// clocks contradict each other (docs/integration/mqtt.md, "Commands and clocks").
Decoded decode_command(const mqtt::Message& message, bool retained, const std::string& verb,
                       const std::string& base_topic, UtcTime now, bool clock_synced, MonoTime received);

}  // namespace vedette
