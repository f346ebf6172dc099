#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/result.h"
#include "media/stream_info.h"

namespace vedette {

// What a keyframe tells of its track: size and reordering, and the parameter sets where the track had none (it then
// must be Annex B). Decodes it, which takes some milliseconds: once a session. invalid_argument: it cannot be decoded.
Result<VideoTrack> probe_video(VideoTrack track, std::span<const uint8_t> keyframe);

// The track from this keyframe on, when it carries other parameter sets than the track is known by. Nothing when all is
// as it was, or the frame cannot be decoded.
std::optional<VideoTrack> changed_video(const VideoTrack& track, std::span<const uint8_t> keyframe);

}  // namespace vedette
