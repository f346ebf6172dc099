#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/agent_requests.h"
#include "agent/camera_requests.h"
#include "agent/clip_requests.h"
#include "agent/diagnostics_request.h"
#include "agent/recording_requests.h"
#include "agent/upload_requests.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"
#include "mqtt/session.h"
#include "storage/command_log.h"

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

// The parameters of a command, read and checked: of each verb its own.
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
// Whether it begins what goes on after its first answer, and is not worth to be begun by an agent that is stopping.
bool begins_work(const Request& request);
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

// What a message on a command topic turns into.
struct Decoded {
  ReplyTo reply_to;
  std::variant<Request, Refusal> content;
  MonoTime expires = kNever;
};
// By the clock it has just come. Pure otherwise: no state. Where nobody vouches for the clock, `expires_at` counts by
// the sender's `ts` when the two contradict each other (docs/integration/mqtt.md, "Commands and clocks").
Decoded decode_command(const mqtt::Message& message, bool retained, const std::string& verb,
                       const std::string& base_topic, const Clock& clock);

}  // namespace vedette
