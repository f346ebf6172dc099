#include "agent/snapshot_origin.h"

#include <array>

namespace vedette {

namespace {

// A keyframe that is not older shows what is to be seen now, as well as one of a stream that is up does.
constexpr microseconds kJustNow = 5s;

bool is_current(const StreamNow& stream) {
  return stream.state == CameraState::streaming || (stream.keyframe_age && *stream.keyframe_age <= kJustNow);
}

std::string text_of(const StreamNow& stream) {
  return "the camera is " + std::string(state_name(stream.state)) + (stream.error.empty() ? "" : ": " + stream.error);
}

Result<SnapshotOrigin> camera_if_possible(const StreamNow& stream) {
  if (!stream.makes_pictures)
    return fail(Code::unsupported, "/params/origin: only hik://, dahua:// and onvif:// cameras make pictures");
  if (stream.state == CameraState::disabled) return fail(Code::camera_unavailable, text_of(stream));
  if (stream.state == CameraState::auth_failed) return fail(Code::forbidden, text_of(stream));
  return SnapshotOrigin::camera;
}

}  // namespace

std::string_view origin_name(SnapshotOrigin origin) {
  constexpr std::array<std::string_view, 3> kNames = {"ring", "clip", "camera"};
  return kNames.at(static_cast<size_t>(origin));
}

Result<SnapshotOrigin> choose_origin(const SnapshotTake& request, const StreamNow& stream) {
  if (request.origin == SnapshotTake::Origin::camera) return camera_if_possible(stream);
  if (request.at || is_current(stream)) return SnapshotOrigin::ring;
  if (request.origin == SnapshotTake::Origin::ring) return fail(Code::camera_unavailable, text_of(stream));
  const bool possible = camera_if_possible(stream).has_value();
  return possible ? SnapshotOrigin::camera : SnapshotOrigin::ring;
}

}  // namespace vedette
