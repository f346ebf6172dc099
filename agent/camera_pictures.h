#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "agent/config.h"
#include "core/clock.h"
#include "core/jobs.h"
#include "core/result.h"
#include "sources/pictures/camera_account.h"
#include "sources/pictures/shared_picture.h"

namespace vedette {

// CameraPictures asks cameras for the pictures that they make themselves. Each device (host and port) has a thread of
// its own, begun when it is first asked: it is asked one thing after the other, and one that hangs holds up nobody
// else. Belongs to the main loop. Destruction takes 500 ms at most; what was not done then is not told.
class CameraPictures {
 public:
  CameraPictures(const Config& config, const Clock& clock) : config_(config), clock_(clock) {}

  // Whether the camera makes pictures.
  static bool makes_pictures(const Config::Camera& camera, Config::Profile profile);

  // Called in the device's thread; must only pass it on.
  using Done = std::function<void(const Result<CameraShot>& shot)>;
  // unsupported: the camera makes none; busy: too many wait for this device.
  Status fetch(const std::string& camera_id, Config::Profile profile, const SharedPicture::Wish& wish, Done done);
  // Lets go of pictures that are of no more use. To be called every second or so.
  void forget_old();
  // The camera's configuration has changed, or it is gone.
  void forget(const std::string& camera_id);
  void request_stop();

 private:
  struct One {
    std::shared_ptr<SharedPicture> picture;  // used in the device's thread only
    Jobs* device;
    MonoTime asked;
    bool may_be_held = true;
  };
  Result<One*> find(const std::string& camera_id, Config::Profile profile);

  const Config& config_;
  const Clock& clock_;
  std::map<std::pair<std::string, Config::Profile>, One> pictures_;
  std::map<std::string, std::shared_ptr<CameraAccount>> accounts_;  // by device and user; used in its thread only
  std::map<std::string, std::unique_ptr<Jobs>> devices_;            // by host and port
};

}  // namespace vedette
