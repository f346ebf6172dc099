#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "core/clock.h"
#include "media/packet.h"

namespace vedette {

struct RingLimits {
  microseconds duration = 30s;      // at least so much stays reachable...
  size_t bytes = 32 * 1024 * 1024;  // ...unless that needs more payload than this
};

struct RingFigures {
  size_t packets = 0;
  size_t bytes = 0;                // payload
  microseconds duration{0};        // from the oldest keyframe to the newest packet
  std::optional<MonoTime> oldest;  // pts of the oldest keyframe
  std::optional<MonoTime> newest;  // pts of the newest video packet
  microseconds gop{0};             // distance of the two newest keyframes
  uint64_t evicted_unread_bytes = 0;
};

class Cursor;

// Ring holds the most recent packets of one camera, bounded by time and bytes.
//
// One thread pushes; any number read, each with its own Cursor. push() never waits for readers: one that falls behind
// finds `missed` counted and continues at the next keyframe. Whole GOPs are evicted, so what is there always begins
// with a video keyframe. The newest GOP is cut from its front only when it alone exceeds the byte limit; readers that
// keep up lose nothing by it. All methods are thread-safe. A Ring outlives its cursors.
class Ring {
 public:
  explicit Ring(RingLimits limits);

  void push(Packet packet);

  // A cursor at the newest video keyframe shown at or before t, or, when t is older than the oldest keyframe, at that
  // one (compare figures().oldest). On a ring without a keyframe it begins with the next one to come. Whoever wants an
  // instant of the future waits until it has come, and then asks.
  Cursor cursor_at(MonoTime t);
  // A cursor at the next packet to be pushed, keyframe or not.
  Cursor cursor_live();

  // The newest video keyframe.
  std::optional<Packet> newest_keyframe() const;
  // The first video keyframe pushed from now on; nothing when the deadline or the stop comes first.
  std::optional<Packet> next_keyframe(MonoTime deadline, const std::stop_token& stop) const;

  RingFigures figures() const;

 private:
  friend class Cursor;

  // (implementation of your choice: a circular array that only grows, indexed by sequence number; a list of keyframe
  // sequence numbers; nothing is allocated per packet once the array has its size)
};

// Cursor is one reader's place in a ring. Not thread-safe; belongs to its reader.
class Cursor {
 public:
  // Appends up to `most` packets to `out`, waiting for the first until the deadline or the stop; the number appended.
  // Reading many at once costs one lock for all.
  size_t read(std::vector<Packet>& out, size_t most, MonoTime deadline, const std::stop_token& stop);

  // Packets that were evicted before this reader came to them, since the start.
  uint64_t missed() const;
};

}  // namespace vedette
