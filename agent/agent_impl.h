#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "agent/agent_verbs.h"
#include "agent/camera_events.h"
#include "agent/camera_images.h"
#include "agent/camera_searches.h"
#include "agent/clip_creations.h"
#include "agent/clip_imports.h"
#include "agent/clock_watch.h"
#include "agent/collector_feed.h"
#include "agent/command_intake.h"
#include "agent/command_runner.h"
#include "agent/config_twin.h"
#include "agent/diagnostics.h"
#include "agent/event_feeds.h"
#include "agent/frame_streams.h"
#include "agent/from_config.h"
#include "agent/home_assistant.h"
#include "agent/id_conflict.h"
#include "agent/latency_watch.h"
#include "agent/messages.h"
#include "agent/monitoring.h"
#include "agent/outbox_watch.h"
#include "agent/posters.h"
#include "agent/publisher.h"
#include "agent/recordings.h"
#include "agent/replies.h"
#include "agent/run_marker.h"
#include "agent/second_profiles.h"
#include "agent/session.h"
#include "agent/session_budget.h"
#include "agent/snapshots.h"
#include "agent/status_board.h"
#include "agent/storage_keeper.h"
#include "agent/storage_watch.h"
#include "agent/stream_probes.h"
#include "agent/told_cameras.h"
#include "agent/upload_control.h"
#include "agent/upload_grants.h"
#include "core/jobs.h"
#include "mqtt/session.h"
#include "storage/command_log.h"
#include "storage/recovery.h"
#include "storage/volume.h"

namespace vedette {

// What the agent is made of; only agent.cpp (construction, the loop, the end) and agent_events.cpp (what it does about
// each event) see it. Members are in the order of construction: what is further down uses what is above, and goes
// first.
class Agent::Impl {
 public:
  Impl(ConfigStart start, const Clock& clock, std::unique_ptr<Volume> volume, RunMarker marker,
       std::unique_ptr<Database> database, std::unique_ptr<CommandLog> commands);
  ~Impl();

  Status start(const RecoveryResult& recovered);
  void run();

  Inbox<Event>& inbox() { return inbox_; }
  const Layout& layout() const { return layout_; }
  Catalog& catalog() { return catalog_; }
  const Database& database() const { return *database_; }
  LossLedger& losses() { return losses_; }
  void record_lost_catalog();

 private:
  void on(MqttConnected event);
  void on(MqttSubscribed event);
  void on(MqttDisconnected event);
  void on(const MqttTakenOver& event);
  void on(MqttPublished event);
  void on(HomeAssistantCameUp event);
  void on(const CommandArrived& event);
  void on(const CommandRefused& event);
  void on(CommandRepeated event);
  void on(const CommandDone& event);
  void on(const CommandProgress& event);
  void on(const CameraChanged& event);
  void on(const CameraNoticed& event);
  void on(const RecorderReport& event);
  void on(const UploadReport& event);
  void on(SnapshotTaken event);
  void on(const RetentionPassed& event);
  void on(const StorageSeen& event);
  void on(const FrameReport& event);
  void on(const CloudResponded& event) { requests_.on_response(event.response); }
  void on(const UploadsEnded& event);
  void on(GrantAsked event) { grants_.on_asked(std::move(event)); }
  void on(const PosterSettled& event);
  void on(DesiredWaiting event);
  void on(ReloadRequested event);
  void on(DiagnosticsMade event);
  void on(ShutdownRequested event);

  void tell_retained();
  void redate_commands(microseconds step);
  void answer(const ReplyTo& to, const messages::Answer& answer);
  void add_event(const char* type, const std::string& camera_id, const Json& data);
  void on_clock(const ClockChange& change);
  bool end_uploads();
  void begin_uploads();
  void set_outbox();
  Status begin_session();
  void show_session_and_uploads();
  void end_session(const char* last_state);
  void tick();
  void drain_until(MonoTime deadline, const std::function<bool()>& done);
  void shut_down();

  ConfigState in_force_;  // replaced in its place by the applier, in the main loop
  const Config& config_ = in_force_.config;
  const Clock& clock_;
  const MonoTime started_ = clock_.mono();
  const std::unique_ptr<Volume> volume_;  // holds the lock on the folder
  RunMarker marker_;
  const Layout layout_;
  std::unique_ptr<Database> database_;
  Catalog catalog_;
  Outbox outbox_;
  const std::unique_ptr<CommandLog> commands_;
  LossLedger losses_;
  // Commands waiting for the main loop; beyond, `busy` (contract, section 3).
  static constexpr size_t kMostCommands = 256;
  Inbox<Event> inbox_{kMostCommands};
  CommandIntake intake_;
  Publisher publisher_;
  OutboxWatch outbox_watch_;
  Replies replies_;
  CloudRequests requests_;
  UploadGrants grants_;
  HomeAssistant home_assistant_;

  // Main loop only.
  ClockWatch clock_watch_;
  IdConflict id_conflict_;
  MonoTime next_expire_;
  StorageSeen storage_;
  bool stopping_ = false;
  static constexpr const char* kCatalogDamaged = "catalog_damaged";  // a reason of our own
  std::string shutdown_reason_;

  // Threads of others, each stopped and joined by its destruction.
  SessionBudget budget_;
  Cameras removed_cameras_;
  Cameras cameras_;
  CameraEvents camera_events_;
  SecondProfiles second_profiles_;
  Recordings recordings_;
  LatencyWatch latency_;
  StatusBoard board_;
  ToldCameras told_cameras_;
  Snapshots snapshots_;
  CameraImages images_;
  ClipCreations creations_;
  ClipImports imports_;
  Posters posters_;
  UploadControl upload_control_;
  StreamProbes probes_;
  CameraSearches searches_;
  StorageKeeper keeper_;
  StorageWatch watch_;
  FrameStreams frame_streams_;
  LongCommands long_commands_;
  AgentVerbs agent_verbs_;
  Monitoring monitoring_;
  CollectorFeed feed_;
  Diagnostics diagnostics_;
  CommandRunner runner_;
  EventFeeds feeds_;
  ConfigApplier applier_;
  ConfigTwin twin_;
  std::unique_ptr<UploadEngine> uploads_;
  uint64_t uploads_ended_ = 0;   // how many engines were told to
  uint64_t uploads_ending_ = 0;  // the one of them that has not yet; 0: none
  Jobs uploads_end_{"upload-end", 1};
  std::unique_ptr<mqtt::Session> session_;
  int session_number_ = 0;
};

}  // namespace vedette
