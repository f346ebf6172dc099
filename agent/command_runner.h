#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/agent_verbs.h"
#include "agent/camera_searches.h"
#include "agent/clip_creations.h"
#include "agent/command.h"
#include "agent/config.h"
#include "agent/config_twin.h"
#include "agent/diagnostics.h"
#include "agent/frame_streams.h"
#include "agent/messages.h"
#include "agent/recordings.h"
#include "agent/second_profiles.h"
#include "agent/snapshots.h"
#include "agent/storage_keeper.h"
#include "agent/stream_probes.h"
#include "agent/upload_control.h"
#include "sources/camera.h"
#include "storage/catalog.h"
#include "uploader/target.h"

namespace vedette {

// CommandRunner carries out each verb: it looks up what the parameters name and passes on to who can do it. Belongs to
// the main loop; borrows all it uses, which outlives it.
class CommandRunner {
 public:
  CommandRunner(const Config& config, const Cameras& cameras, Recordings& recordings, Snapshots& snapshots,
                SecondProfiles& second_profiles, ClipCreations& creations, StreamProbes& probes,
                CameraSearches& searches, StorageKeeper& keeper, FrameStreams& frame_streams, UploadControl& uploads,
                Diagnostics& diagnostics, Catalog& catalog, const LossLedger& losses, const Clock& clock);

  // Where clips are uploaded to; null: nowhere.
  void attach(const Target* target) { target_ = target; }
  // Before the first command.
  void attach(AgentVerbs* agent_verbs) { agent_verbs_ = agent_verbs; }
  void attach(const ConfigTwin& twin) { twin_ = &twin; }

  // The final answer, or `accepted` where it comes later; nothing where nothing is said before it.
  std::optional<messages::Answer> run(const ReplyTo& to, const Request& request);

 private:
  messages::Answer run(const ReplyTo& to, const RecordingStart& request);
  messages::Answer run(const ReplyTo& to, const RecordingStop& request);
  messages::Answer run(const ReplyTo& to, const RecordingList& request);
  messages::Answer run(const ReplyTo& to, const SnapshotTake& request);
  messages::Answer run(const ReplyTo& to, const ClipCreate& request);
  messages::Answer run(const ReplyTo& to, const ClipQueryRequest& request);
  messages::Answer run(const ReplyTo& to, const ClipGet& request);
  messages::Answer run(const ReplyTo& to, const ClipUrl& request);
  messages::Answer run(const ReplyTo& to, const ClipProtect& request);
  std::optional<messages::Answer> run(const ReplyTo& to, const ClipDelete& request);
  messages::Answer run(const ReplyTo& to, const TimelineQuery& request);
  messages::Answer run(const ReplyTo& to, const LossQueryRequest& request);
  messages::Answer run(const ReplyTo& to, const StorageStatus& request);
  messages::Answer run(const ReplyTo& to, const CameraRestart& request);
  messages::Answer run(const ReplyTo& to, const CameraProbe& request);
  messages::Answer run(const ReplyTo& to, const CameraDiscover& request);
  messages::Answer run(const ReplyTo& to, const StreamOpen& request);
  messages::Answer run(const ReplyTo& to, const StreamList& request);
  messages::Answer run(const ReplyTo& to, const StreamClose& request);
  messages::Answer run(const ReplyTo& to, const ConfigReport& request);
  messages::Answer run(const ReplyTo& to, const AgentPing& request);
  messages::Answer run(const ReplyTo& to, const UploadPause& request);
  messages::Answer run(const ReplyTo& to, const UploadResume& request);
  messages::Answer run(const ReplyTo& to, const UploadStatus& request);
  messages::Answer run(const ReplyTo& to, const ClipUpload& request);
  std::optional<messages::Answer> run(const ReplyTo& to, const CommandCancel& request);
  messages::Answer run(const ReplyTo& to, const AuditQueryRequest& request);
  messages::Answer run(const ReplyTo& to, const AgentRebirth& request);
  messages::Answer run(const ReplyTo& to, const AgentLogLevel& request);
  messages::Answer run(const ReplyTo& to, const AgentDiagnostics& request);
  Camera* find_camera(const std::string& camera_id) const;

  const Config& config_;
  const Cameras& cameras_;
  Recordings& recordings_;
  Snapshots& snapshots_;
  SecondProfiles& second_profiles_;
  ClipCreations& creations_;
  StreamProbes& probes_;
  CameraSearches& searches_;
  StorageKeeper& keeper_;
  FrameStreams& frame_streams_;
  UploadControl& uploads_;
  Diagnostics& diagnostics_;
  Catalog& catalog_;
  const LossLedger& losses_;
  const Clock& clock_;
  const MonoTime started_;
  const Target* target_ = nullptr;
  AgentVerbs* agent_verbs_ = nullptr;
  const ConfigTwin* twin_ = nullptr;
};

}  // namespace vedette
