#pragma once

#include <cstdint>
#include <optional>

#include "core/clock.h"
#include "media/packet.h"

namespace vedette {

// What a stream turned out to be, as far as it was seen.
struct StreamReport {
  StreamInfoPtr info;  // of the newest packet; null: there was no keyframe
  uint64_t keyframes = 0;
  double fps = 0;                          // 0: not known
  int64_t bitrate_bps = 0;                 // video and audio payload, over whole GOPs where there are; 0: not known
  microseconds gop{0};                     // the longest distance of a keyframe from the one before; 0: not known
  microseconds watched{0};                 // from the first keyframe to the newest video frame
  std::optional<MonoTime> first_packet;    // arrival
  std::optional<MonoTime> first_keyframe;  // arrival
  // What the camera's clock shows minus what ours does, where it tells.
  std::optional<microseconds> clock_offset;
};

// StreamGauge measures a stream by its packets, from the first keyframe on. Used by one thread.
class StreamGauge {
 public:
  // Below, a bitrate says little.
  static constexpr microseconds kLeastWatched = 2s;

  void add(const Packet& packet, const Clock& clock);
  // Two keyframes were seen, and more of it would tell little more.
  bool enough() const { return report_.keyframes >= 2 && report_.watched >= kLeastWatched; }
  const StreamReport& report() const { return report_; }

 private:
  void add_video(const Packet& packet);
  void measure();

  StreamReport report_;
  MonoTime first_dts_, newest_dts_;
  MonoTime first_keyframe_pts_, newest_keyframe_pts_;
  uint64_t frames_ = 0;
  uint64_t bytes_ = 0;
  uint64_t bytes_before_keyframe_ = 0;  // the newest one
};

}  // namespace vedette
