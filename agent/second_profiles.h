#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/config.h"
#include "agent/session_budget.h"
#include "core/clock.h"
#include "core/result.h"
#include "sources/camera.h"

namespace vedette {

// SecondProfiles opens the profile of a camera that is not recorded, while somebody uses it: one session for all who
// do, ended kLinger after the last. It is a Camera with a ring of about a GOP, of which nobody hears. Belongs to the
// main loop; the cameras are used by others between use() and release().
class SecondProfiles {
 public:
  static constexpr microseconds kLinger = 10s;

  SecondProfiles(const Config& config, SessionBudget& budget, const Clock& clock);

  // The camera, connecting perhaps, until release(): once for each use. not_found where none is configured,
  // camera_unavailable for a disabled camera, busy when the camera allows no session more.
  Result<Camera*> use(const std::string& camera_id);
  void release(const std::string& camera_id);
  // Ends the sessions that nobody used for so long. To be called every second or so.
  void close_unused();
  // The camera's configuration has changed, or it is gone: an open session goes on as it is to be now, or is off.
  void reconfigure(const std::string& camera_id);
  void request_stop();

 private:
  struct Open {
    std::unique_ptr<Camera> camera;
    int users = 0;
    MonoTime last_used{};
    bool closing = false;  // it was asked to stop, and is joined the next time
  };

  const Config& config_;
  SessionBudget& budget_;
  const Clock& clock_;
  std::map<std::string, Open> open_;
};

}  // namespace vedette
