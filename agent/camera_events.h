#pragma once

#include <map>
#include <string>

#include "agent/event.h"
#include "core/clock.h"
#include "sources/camera.h"
#include "storage/outbox.h"

namespace vedette {

// It ought to stream, and does not.
bool is_down(CameraState state);

// CameraEvents makes camera.up, camera.stalled and camera.down of what cameras say, one for each change of state: a
// camera that fails again and again in the same way is down once. Belongs to the main loop.
class CameraEvents {
 public:
  CameraEvents(const Cameras& cameras, Outbox& outbox, const Clock& clock)
      : cameras_(cameras), outbox_(outbox), clock_(clock) {}

  // Whether it came up.
  bool note(const CameraChanged& change);

 private:
  void add(const char* type, const std::string& camera_id, const Json& data);

  const Cameras& cameras_;
  Outbox& outbox_;
  const Clock& clock_;
  std::map<std::string, CameraState> last_state_;  // that was made an event of
};

}  // namespace vedette
