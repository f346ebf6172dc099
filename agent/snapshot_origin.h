#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/command.h"
#include "core/clock.h"
#include "core/result.h"
#include "sources/camera.h"

namespace vedette {

// Where the picture of a snapshot is from: the stream that is read, a clip of it, or the camera itself, over HTTP.
enum class SnapshotOrigin { ring, clip, camera };
std::string_view origin_name(SnapshotOrigin origin);

// What is known of the recorded stream of a camera when somebody asks.
struct StreamNow {
  CameraState state = CameraState::disabled;
  std::string error;                         // why it does not stream
  std::optional<microseconds> keyframe_age;  // of the newest in the ring
  bool makes_pictures = false;               // the camera can be asked over HTTP
};

// Where a snapshot is to be taken: camera, or ring for all that the stream and its clips have. It is the camera where
// that is wanted, and where nothing is said and the stream is down: it does not stream, and its newest keyframe is not
// from just now. A camera that refused the password is not asked by another way.
//
// unsupported: the camera makes none; camera_unavailable: only the ring is wanted, and the stream is down, or the
// camera is disabled; forbidden: it refused the password.
Result<SnapshotOrigin> choose_origin(const SnapshotTake& request, const StreamNow& stream);

}  // namespace vedette
