#pragma once

#include <functional>
#include <set>
#include <string>

#include "agent/config_plan.h"
#include "agent/event.h"
#include "core/inbox.h"
#include "sources/camera.h"

namespace vedette {

class EventFeeds;
class FrameStreams;
class LatencyWatch;
class Recordings;
class SecondProfiles;
class SessionBudget;
class Snapshots;
class StatusBoard;
class StorageKeeper;

// Who must be told that the configuration has changed. The functions are the main loop's.
struct ConfigUsers {
  SessionBudget& budget;
  SecondProfiles& second_profiles;
  Recordings& recordings;
  LatencyWatch& latency;
  Snapshots& snapshots;
  StorageKeeper& keeper;
  FrameStreams& frame_streams;
  EventFeeds& feeds;
  StatusBoard& board;
  std::function<Status()> begin_session;  // with the broker, after the end of the one there is
  std::function<void()> begin_uploads;    // to the target that is configured, after the end of those there are
  std::function<void()> set_upload_rate;
  std::function<void()> set_outbox;
  std::function<void()> set_http_tokens;
};

// ConfigApplier makes a running agent follow another configuration: only what the plan names is touched. Everybody else
// reads the configuration anew each time it is used, for which it is replaced in its place. Belongs to the main loop.
//
// A camera that is removed is switched off and stays as an object, with an empty ring, as there is no telling who still
// looks at it (a snapshot that is being taken, say); it serves again when its id comes back. kMostRemoved of them.
class ConfigApplier {
 public:
  static constexpr size_t kMostRemoved = 256;

  // `removed` is destroyed when `cameras` is.
  ConfigApplier(ConfigState& in_force, Cameras& cameras, Cameras& removed, ConfigUsers users, Inbox<Event>& inbox,
                const Clock& clock);

  // At the start: makes the cameras that are configured.
  void make_cameras();
  // Applies all, or says what could not be. Then what was before must be applied again. `unsupported`: nothing has been
  // touched.
  Status apply(ConfigState next, const ConfigPlan& plan);
  // After a connect: what a broker retains of cameras that are gone is taken back.
  void tell_removed();
  // Lets go of what was left for later. To be called every second or so.
  void tidy();

 private:
  void make_camera(const std::string& id);
  void remove_camera(const std::string& id);
  Status apply_to_camera(const std::string& id, const CameraChange& change);

  ConfigState& in_force_;
  Cameras& cameras_;
  Cameras& removed_;
  const ConfigUsers users_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  std::set<std::string> to_clear_;  // removed, and perhaps still recorded
};

}  // namespace vedette
