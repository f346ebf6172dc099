#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/latency_alarm.h"
#include "agent/recordings.h"
#include "agent/telemetry.h"
#include "core/clock.h"
#include "sources/camera.h"
#include "storage/outbox.h"

namespace vedette {

// LatencyWatch looks every second how long the frames of each camera take from stage to stage, and tells when that is
// too long (events latency.alarm, with the slowest stage, and latency.ok). Belongs to the main loop.
class LatencyWatch {
 public:
  // `threshold` 0: off. All that is borrowed outlives it.
  LatencyWatch(microseconds threshold, const Cameras& cameras, Recordings& recordings, Outbox& outbox,
               const Clock& clock);

  // Alarms that are raised are forgotten, without an event, when it changes or the camera goes.
  void set_threshold(microseconds threshold);
  void forget(const std::string& camera_id);
  // Whether slow() may have changed since the last call.
  bool look_when_due(MonoTime now);

  struct Slow {
    std::string camera_id;
    std::string what;  // "the stage sync takes 1200 ms (p99)"
  };
  // The cameras for which the alarm is raised.
  std::vector<Slow> slow() const;

 private:
  struct Watched {
    CameraStages stages;
    LatencyAlarm alarm;
  };
  void tell(const std::string& camera_id, const LatencyAlarm& alarm, const StageFigures& figures);

  microseconds threshold_;
  const Cameras& cameras_;
  Recordings& recordings_;
  Outbox& outbox_;
  const Clock& clock_;
  std::map<std::string, Watched> watched_;
  bool forgotten_ = false;  // something, since the last look
  MonoTime next_look_;
};

}  // namespace vedette
