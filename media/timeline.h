#pragma once

// For demuxer and sources: makes of the times a source gives, which may be missing, jump or run backwards, times that
// can be relied on. Where the clock of a live source steps, the times step as well: sources/timeline.h sets that right,
// for all tracks together.

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "core/clock.h"
#include "media/demuxer.h"

namespace vedette {

// A packet with the times the source gave it.
struct UntimedPacket {
  DemuxedPacket packet;  // all but pts and dts
  std::optional<microseconds> pts;
  std::optional<microseconds> dts;
  MonoTime arrival;
};

// JumpFilter takes the jumps out of the times of one track of a file: those that were cut together jump backwards.
class JumpFilter {
 public:
  // What to add to the times of a packet whose time (dts, or pts) is this.
  microseconds offset_for(microseconds time, microseconds duration);

 private:
  microseconds offset_{0};
  std::optional<microseconds> last_;
};

// DtsMaker makes decoding times out of presentation times: sorted through a buffer as deep as the reordering is.
class DtsMaker {
 public:
  explicit DtsMaker(int reorder_frames) : depth_(static_cast<size_t>(reorder_frames)) {}
  microseconds next(microseconds pts, microseconds duration);
  // Before the first.
  void expect(size_t reorder_frames) { depth_ = std::max(depth_, reorder_frames); }
  // The next is the first of another clock.
  void restart();

 private:
  void learn();

  size_t depth_;
  std::vector<microseconds> sorted_;
  std::optional<microseconds> last_;
  int late_frames_ = 0;
  int frames_ = 0;
};

// VideoTimes: packets in as they are read, packets with times out. The first packets of an RTSP session have none
// (libavformat 5.1 never knows the first one's); they are held until those that follow tell.
class VideoTimes {
 public:
  struct Options {
    int reorder_frames = 0;
    double fps = 0;
    bool live = false;
    bool trust_dts = true;  // false: the source has none of its own, what libavformat made up is not used
    int look_ahead = 0;     // frames to see before the first goes out, where reorder_frames may be too small
  };
  explicit VideoTimes(const Options& options);

  void push(UntimedPacket packet);
  // No more will come: what is held goes out.
  void finish();
  std::optional<DemuxedPacket> pop();

 private:
  void settle();
  void emit(UntimedPacket packet);
  bool stepped(microseconds time, MonoTime arrival);
  microseconds duration_of(const UntimedPacket& packet) const;

  const Options options_;
  JumpFilter jumps_;
  DtsMaker dts_;
  std::vector<UntimedPacket> held_;
  std::deque<DemuxedPacket> ready_;
  std::optional<microseconds> last_dts_;
  std::optional<microseconds> last_time_;  // as the source gave it
  MonoTime last_arrival_;
  microseconds last_source_pts_{0};
  bool settled_ = false;
};

// AudioTimes: as VideoTimes, but nothing is ever held or reordered.
class AudioTimes {
 public:
  explicit AudioTimes(bool live) : live_(live) {}
  // Nothing when the packet has no time and cannot be given one.
  std::optional<DemuxedPacket> place(UntimedPacket packet);

 private:
  const bool live_;
  JumpFilter jumps_;
  std::optional<microseconds> last_;
  microseconds last_duration_{0};
};

}  // namespace vedette
