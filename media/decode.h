#pragma once

// Inside media/ only.
#include <optional>

#include "core/clock.h"
#include "media/libav.h"
#include "media/packet.h"

namespace vedette::libav {

struct DecodedKeyframe {
  FramePtr frame;
  int reorder_frames = 0;
};

// Decodes one keyframe with a decoder of its own, in the calling thread. unsupported when it cannot be.
Result<DecodedKeyframe> decode_keyframe(const VideoTrack& track, std::span<const uint8_t> keyframe);

// Decodes the last of these packets of one track, which begin with a keyframe and come in decoding order. What no other
// frame is made from is skipped on the way. timed_out when it takes longer than the deadline.
Result<FramePtr> decode_last(std::span<const Packet> packets, MonoTime deadline);

// Decodes a JPEG file as a camera sends it. unsupported when it is none, is damaged in any way or is larger.
Result<FramePtr> decode_jpeg(std::span<const uint8_t> bytes, int64_t most_pixels);

struct PictureSize {
  int width_px = 0;
  int height_px = 0;
};

// The size of a frame, keyframe or not, as its slices and the parameter sets of the track or in front of it say.
// Nothing is decoded. Nothing when it does not say.
std::optional<PictureSize> size_of(const VideoTrack& track, const AVPacket& frame);

}  // namespace vedette::libav
