#pragma once

#include <map>
#include <string>

#include "agent/config.h"
#include "agent/publisher.h"
#include "agent/snapshots.h"

namespace vedette {

// CameraImages publishes a JPEG of each camera that streams every so often (B/camera/{camera_id}/image, QoS 0), for
// dashboards. Only while there is a broker; a camera whose image before is not done yet is left out. Off unless
// telemetry.image_interval_s is set. Belongs to the main loop; borrows all it uses.
class CameraImages {
 public:
  CameraImages(const Config& config, const Cameras& cameras, Snapshots& snapshots, Publisher& publisher,
               const Clock& clock);

  // To be called every second or so.
  void take_when_due();
  // Whether the picture is one of these. Others of the recorded stream of now are published as well: they are as good.
  bool on_taken(const SnapshotTaken& taken);

 private:
  struct Camera {
    MonoTime due;
    bool taking = false;
  };

  const Config& config_;
  const Cameras& cameras_;
  Snapshots& snapshots_;
  Publisher& publisher_;
  const Clock& clock_;
  std::map<std::string, Camera> images_;
};

}  // namespace vedette
