#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/event.h"
#include "agent/latency_watch.h"
#include "agent/messages.h"
#include "agent/publisher.h"
#include "agent/recordings.h"
#include "agent/telemetry.h"
#include "mqtt/session.h"
#include "sources/camera.h"
#include "storage/catalog.h"
#include "storage/outbox.h"
#include "uploader/upload_engine.h"

namespace vedette {

// StatusBoard keeps the retained topics (status, info, camera states) true and sends the telemetry. Belongs to the main
// loop; borrows all it reports on, which outlives it.
class StatusBoard {
 public:
  StatusBoard(const Config& config, const Cameras& cameras, Recordings& recordings, Catalog& catalog, Outbox& outbox,
              Publisher& publisher, const Clock& clock);

  void attach(const mqtt::Session* session, UploadEngine* uploads);
  void set_upload_problem(std::string problem) { upload_problem_ = std::move(problem); }
  void set_id_conflict(std::string problem) { id_conflict_ = std::move(problem); }
  void set_refused_subscriptions(std::vector<mqtt::RefusedFilter> refused) { refused_filters_ = std::move(refused); }
  void set_storage(StorageSeen seen) { storage_ = std::move(seen); }
  void set_space_level(SpaceLevel level) { space_level_ = level; }
  void set_slow(std::vector<LatencyWatch::Slow> slow) { slow_ = std::move(slow); }
  // A command got its final reply.
  void answered(const std::string& status, microseconds duration) {
    command_time_.add(duration);
    ++answers_[status];
  }

  // Of the configuration over MQTT; 0: there is none.
  void set_config_version(int64_t version) { config_version_ = version; }
  // What is told of a camera that is gone is taken back.
  void camera_gone(const std::string& camera_id, Tell tell = Tell::always);
  // What depends on the configuration, after that has changed.
  void config_changed();

  // After a connect: the status, and what else the broker is not known to have.
  void birth(std::string connection_id);
  // All of it once more.
  void birth_again() { tell(Tell::always); }
  void tell(Tell tell);
  // The status, if anything in it changed that others should know at once.
  void status_may_have_changed();
  void camera_changed(const std::string& camera_id, Tell tell = Tell::always);
  // The camera's rates are not known yet: its state is told again when they are.
  void camera_came_up(const std::string& camera_id);
  void telemetry_sent_when_due(MonoTime now);

  // A status with this state ("stopping", "offline").
  Json status(std::string state);

  // For others who tell of the same: metrics, health, diagnostics.
  messages::StatusBody body();
  std::vector<messages::StatusBody::Problem> problems() const;
  // Why nothing can be kept at the moment; nothing: it can.
  std::optional<Error> storage_fault() const;
  SpaceLevel space_level() const { return space_level_; }
  const Histogram& command_time() const { return command_time_; }
  const std::map<std::string, uint64_t>& answers() const { return answers_; }
  uint64_t telemetry_replaced() const { return publisher_.telemetry_replaced(); }

 private:
  void publish_status(const messages::StatusBody& body);
  void publish_telemetry(MonoTime now);

  const Config& config_;
  const Cameras& cameras_;
  Recordings& recordings_;
  Catalog& catalog_;
  Outbox& outbox_;
  Publisher& publisher_;
  const Clock& clock_;
  const mqtt::Session* session_ = nullptr;
  UploadEngine* uploads_ = nullptr;  // null: no upload target
  const MonoTime started_;
  ProcessFigures process_;
  Histogram command_time_;
  std::map<std::string, uint64_t> answers_ = {{"succeeded", 0}, {"failed", 0}, {"rejected", 0}};  // by status
  HistogramWindow command_window_{command_time_};
  std::optional<HistogramWindow> upload_window_;
  std::map<std::string, CameraStages> stages_;
  std::string connection_id_;
  std::string upload_problem_;
  std::string id_conflict_;
  std::vector<mqtt::RefusedFilter> refused_filters_;
  std::vector<LatencyWatch::Slow> slow_;
  StorageSeen storage_;
  int64_t config_version_ = 0;
  SpaceLevel space_level_ = SpaceLevel::ok;
  std::string last_essence_;  // of the status that was told last
  std::map<std::string, MonoTime> camera_due_;
  MonoTime next_telemetry_, next_status_, telemetry_before_;
  uint64_t uploaded_before_ = 0;
};

}  // namespace vedette
