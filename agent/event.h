#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/cloud_response.h"
#include "agent/command.h"
#include "agent/diagnostics_bundle.h"
#include "agent/messages.h"
#include "agent/snapshot_origin.h"
#include "live/frame_server.h"
#include "media/jpeg.h"
#include "mqtt/session.h"
#include "sources/camera.h"
#include "sources/events/camera_event.h"
#include "storage/clip_recorder.h"
#include "storage/retention.h"
#include "storage/volume.h"
#include "uploader/grant_source.h"
#include "uploader/upload_engine.h"

namespace vedette {

// Everything that other threads tell the main loop. A kind that Agent::on does not know does not compile.

// The first member of these five is the number of the session: the main loop may have begun another one meanwhile.
struct MqttConnected {
  int session = 0;
  std::string connection_id;
  bool resumed = false;  // the broker has kept our session
};
// Before it: what the broker does not let us hear.
struct MqttSubscribed {
  int session = 0;
  std::vector<mqtt::RefusedFilter> refused;
};
struct MqttDisconnected {
  int session = 0;
  std::string reason;
};
// Somebody else came with our client id, and the connection is lost; MqttDisconnected follows.
struct MqttTakenOver {
  int session = 0;
  bool announced = false;  // by the broker; else it was seen from what it does
};
struct MqttPublished {
  int session = 0;
  uint64_t token = 0;
  int reason = 0;
};
// Home Assistant was started, and knows nothing of us any more.
struct HomeAssistantCameUp {};
// A desired configuration waits in the intake.
struct DesiredWaiting {};
// The configuration file is to be read again.
struct ReloadRequested {};
struct CommandArrived {
  Command command;
};
struct CommandRefused {
  ReplyTo reply_to;
  Refusal refusal;
};
// A command whose id was seen before: its reply, or nothing when it was still running then.
struct CommandRepeated {
  ReplyTo reply_to;
  std::string reply;
};
// What took too long for the main loop is done: the final answer.
struct CommandDone {
  ReplyTo reply_to;
  messages::Answer answer;
  std::string session_of{};  // the camera of which it had a session, which it gives back
};
// An answer of the backend came, or what should be one.
struct CloudResponded {
  Result<CloudResponse> response;
};
// Uploads that took long to end, in a call to a folder that hangs say, are over: others may begin.
struct UploadsEnded {
  uint64_t number = 0;
};
// The uploads want to know something of the backend.
struct GrantAsked {
  GrantQuestion question;
  GrantDone done;
  uint64_t asker = 0;  // which upload thread it is
};
// How far it is meanwhile: in_progress.
struct CommandProgress {
  ReplyTo reply_to;
  messages::Answer answer;
};
struct CameraChanged {
  std::string camera_id;
  CameraStatus status;
};
// What a camera noticed began, or is over.
struct CameraNoticed {
  std::string camera_id;
  CameraEvent event;
  uint64_t feed = 0;  // the number of who heard it
};
// A snapshot was taken, or could not be.
struct SnapshotTaken {
  ReplyTo reply_to;
  SnapshotTake request;
  bool on_demand = false;  // the second profile was used
  bool fetched = false;    // the camera was asked for it
  std::string snapshot_id;
  SnapshotOrigin origin = SnapshotOrigin::ring;
  UtcTime taken_at{};
  std::optional<UtcTime> nearest{};  // when there is no picture of that instant: where there is one
  Result<Jpeg> jpeg;
  std::string sha256;
  std::optional<Upload> upload;  // when it is to be uploaded: the row is there
};
// A pass of the retention is over.
struct RetentionPassed {
  Result<RetentionPass> pass;
  bool dates_are_right = true;  // those of the clips, by the clock as it was then
};
// The storage folder, or what can be done with it, has changed.
struct StorageSeen {
  Volume::Place place = Volume::Place::here;
  std::string found_id;            // of another volume in its place
  std::optional<Error> volume{};   // what is wrong with the place, and what to do
  std::optional<Error> catalog{};  // why the catalog cannot be written, or read
  bool damaged = false;            // it can only be made again
};
// The poster of a clip is made or given up: uploads may be due.
struct PosterSettled {};
// A bundle of diagnostics is on the disk, or could not be made.
struct DiagnosticsMade {
  ReplyTo reply_to;
  MonoTime deadline;  // of its upload
  Result<DiagnosticsBundle> bundle;
};
struct ShutdownRequested {
  std::string reason;
};

using Event = std::variant<MqttConnected, MqttSubscribed, MqttDisconnected, MqttTakenOver, MqttPublished,
                           HomeAssistantCameUp, CommandArrived, CommandRefused, CommandRepeated, CommandDone,
                           CommandProgress, CameraChanged, CameraNoticed, RecorderReport, UploadReport, SnapshotTaken,
                           RetentionPassed, StorageSeen, FrameReport, CloudResponded, UploadsEnded, GrantAsked,
                           PosterSettled, DiagnosticsMade, DesiredWaiting, ReloadRequested, ShutdownRequested>;

}  // namespace vedette
