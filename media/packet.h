#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/clock.h"
#include "media/payload.h"
#include "media/stream_info.h"

namespace vedette {

enum class Track : uint8_t { video, audio };

// Packet is one encoded frame of a camera: immutable and cheap to copy (two shared pointers and a few numbers); the
// payload exists once, however many readers there are.
//
// pts and dts are instants of this machine's monotonic clock: when the frame was (as well as can be told) captured. So
// they never wrap, never repeat after a reconnect, and "five seconds ago" is a subtraction.
struct Packet {
  Payload data;
  StreamInfoPtr info;
  MonoTime pts;
  MonoTime dts;      // decoding order; grows within a track
  MonoTime arrival;  // when it left the demuxer
  UtcTime arrival_utc;
  std::optional<UtcTime> camera_utc{};  // what the camera's own clock showed at pts, where it says so and may be right
  microseconds duration{0};             // 0: not known
  uint32_t lost_before = 0;  // video frames between the one before and this that were damaged on the way, and left out
  Track track = Track::video;
  bool keyframe = false;  // decoding can begin here; always true for audio

  bool video() const { return track == Track::video; }
  bool video_keyframe() const { return video() && keyframe; }
  std::span<const uint8_t> payload() const { return data.view(); }
};

}  // namespace vedette
