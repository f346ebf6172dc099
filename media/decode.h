#pragma once

// Inside media/ only.
#include "media/libav.h"

namespace vedette::libav {

struct DecodedKeyframe {
  FramePtr frame;
  int reorder_frames = 0;
};

// Decodes one keyframe with a decoder of its own, in the calling thread. unsupported when it cannot be.
Result<DecodedKeyframe> decode_keyframe(const VideoTrack& track, std::span<const uint8_t> keyframe);

}  // namespace vedette::libav
