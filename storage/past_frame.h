#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "core/clock.h"
#include "media/packet.h"
#include "storage/past_source.h"

namespace vedette {

// A frame, and what it takes to decode it.
struct PastFrame {
  std::vector<Packet> packets;  // video, from the keyframe before it up to it, in decoding order
  UtcTime shown_at;
};

// The frame that was on the screen at that instant; nothing when the source does not have it, or when nothing came from
// the camera at that time.
Result<std::optional<PastFrame>> frame_at(PastSource& source, UtcTime at, const std::stop_token& stop);

}  // namespace vedette
