#pragma once

#include <functional>
#include <vector>

#include "sources/camera.h"
#include "tests/sources/faulty_cameras.h"

namespace vedette::test {

// One way in which cameras misbehave.
struct CameraFault {
  const char* name;
  const char* what;                 // for people
  std::vector<CameraState> states;  // one of which the camera is to show
  const char* says;                 // a regular expression for what it says
  enum class From { start, streaming } from;
  // Whether the camera can be made good: by itself, or so that somebody must say so (Camera::restart) as the agent
  // takes its time on purpose.
  enum class Heals { no, by_itself, on_restart } heals;
  std::function<FaultyCamera()> make;
};

// All that end a session, or keep one from beginning.
const std::vector<CameraFault>& camera_faults();

}  // namespace vedette::test
