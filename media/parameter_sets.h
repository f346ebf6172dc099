#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "media/stream_info.h"

namespace vedette {

// Inside media/ only. The parameter sets (SPS, PPS, H.265 also VPS) in front of an Annex B keyframe, when its SPS
// is another than the one the track is known by: as extradata of the stream from here on. Nothing when nothing changed,
// none are there, or the track is not Annex B.
std::optional<std::vector<uint8_t>> changed_parameter_sets(const VideoTrack& track, std::span<const uint8_t> keyframe);

}  // namespace vedette
