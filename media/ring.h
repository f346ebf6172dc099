#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "core/clock.h"
#include "core/histogram.h"
#include "media/packet.h"

namespace vedette {

struct RingLimits {
  microseconds duration = 30s;      // at least so much stays reachable...
  size_t bytes = 32 * 1024 * 1024;  // ...unless that needs more payload than this
};

struct RingFigures {
  size_t packets = 0;
  size_t bytes = 0;                   // payload
  microseconds duration{0};           // from the oldest keyframe to the newest packet
  std::optional<MonoTime> oldest;     // pts of the oldest keyframe
  std::optional<MonoTime> newest;     // pts of the newest video packet
  microseconds gop{0};                // distance of the two newest keyframes
  uint64_t evicted_unread_bytes = 0;  // payload that readers found gone, summed over readers
};

class Cursor;

// RingListener is how one thread waits for packets of several rings: it is told of each push, in the pushing thread,
// and then reads with cursors. It must only pass that on, at once. It may be told once more just after it was removed.
class RingListener {
 public:
  virtual ~RingListener() = default;
  virtual void on_push() = 0;
};

// Ring holds the most recent packets of one camera, bounded by time and bytes.
//
// One thread pushes; any number read, each with its own Cursor. push() never waits for readers: one that falls behind
// finds `missed` counted and continues at the next keyframe. Whole GOPs are evicted, so what is there begins with a
// video keyframe, but for one case: when the byte limit does not even hold two GOPs, the older is cut from its front
// packet by packet. Nobody can begin in what is left of it, but readers that keep up lose nothing. All methods are
// thread-safe. A Ring outlives its cursors.
class Ring {
 public:
  explicit Ring(RingLimits limits);

  void push(Packet packet);

  // From the next packet on.
  void set_limits(RingLimits limits);
  // Lets go of all that is there: readers that had not come to it have missed it.
  void clear();

  // A cursor at the newest video keyframe shown at or before t, or, when t is older than the oldest keyframe, at that
  // one (compare figures().oldest). On a ring without a keyframe it begins with the next one to come. Whoever wants an
  // instant of the future waits until it has come, and then asks.
  Cursor cursor_at(MonoTime t);
  // A cursor at the next packet to be pushed, keyframe or not.
  Cursor cursor_live();

  // The newest video keyframe shown at or before t; nothing when there is none.
  std::optional<Packet> keyframe_at(MonoTime t) const;
  // The newest video keyframe.
  std::optional<Packet> newest_keyframe() const;

  void add_listener(std::shared_ptr<RingListener> listener);
  void remove_listener(const std::shared_ptr<RingListener>& listener);

  // Whether a reader waits for a packet to come, or a listener does.
  bool awaited() const;
  RingFigures figures() const;
  // From a packet's place in the ring to a reader that waited for it, or a listener.
  const Histogram& delivery_latency() const { return delivery_latency_; }

 private:
  friend class Cursor;

  struct Slot {
    Packet packet;
    MonoTime entered;
  };
  using Listeners = std::vector<std::shared_ptr<RingListener>>;

  // Where a packet is: its number since the start, and the payload bytes and video frames pushed before it.
  struct Place {
    uint64_t sequence = 0;
    uint64_t offset = 0;
    uint64_t frames = 0;

    void pass(const Packet& packet);
  };
  struct Keyframe {
    Place place;
    MonoTime pts;
  };

  Slot& slot(uint64_t sequence) { return slots_[sequence % slots_.size()]; }
  const Slot& slot(uint64_t sequence) const { return slots_[sequence % slots_.size()]; }
  void append(Packet packet, MonoTime now);
  void evict();
  void evict_before(uint64_t sequence);
  bool headless() const;
  const Keyframe* second_gop() const;
  void grow();
  // The newest keyframe shown at or before t, or null.
  const Keyframe* keyframe_before(MonoTime t) const;
  // The first keyframe at or after this packet, or null.
  const Keyframe* keyframe_from(uint64_t sequence) const;
  enum class Wait { not_needed, held, over };
  // Waits, with the lock held, until the condition holds; `over` when deadline or stop came first.
  template <class Condition>
  Wait wait(std::unique_lock<std::mutex>& lock, MonoTime deadline, const std::stop_token& stop, Condition ready) const;

  std::vector<Packet> evicted_;  // the pushing thread's alone: payload is freed outside the lock

  mutable std::mutex mutex_;
  mutable std::condition_variable_any pushed_;
  mutable size_t waiting_ = 0;
  RingLimits limits_;
  std::shared_ptr<const Listeners> listeners_ = std::make_shared<Listeners>();  // replaced, never changed
  std::vector<Slot> slots_;                                                     // circular, by sequence number
  Place first_;                                                                 // of the oldest packet
  Place end_;                                                                   // of the next packet to be pushed
  std::deque<Keyframe> keyframes_;
  std::optional<MonoTime> newest_;
  uint64_t evicted_unread_bytes_ = 0;
  Histogram delivery_latency_;
};

// Cursor is one reader's place in a ring. Not thread-safe; belongs to its reader.
class Cursor {
 public:
  // Appends up to `most` packets to `out`, waiting for the first until the deadline or the stop; the number appended.
  // Reading many at once costs one lock for all.
  size_t read(std::vector<Packet>& out, size_t most, MonoTime deadline, const std::stop_token& stop);

  // The next packet, when it is there already.
  std::optional<Packet> try_read();

  // Packets that were evicted or skipped before this reader came to them, since the start.
  uint64_t missed() const { return missed_; }

  // What of the ring lies behind this reader, read or not: the packet that was read last has the number packets - 1.
  struct Passed {
    uint64_t packets = 0;
    uint64_t frames = 0;  // video
  };
  Passed passed() const { return {next_.sequence, next_.frames}; }

  // What was pushed since this cursor was made and waits for it; what was there before it does not count.
  struct Backlog {
    uint64_t frames = 0;  // video
    microseconds duration{0};
  };
  Backlog backlog() const;

  // Gives up all before the newest keyframe; when that was read already, or is the next, all up to the one to come.
  void skip_to_newest_keyframe();
  // Gives up all before the next keyframe.
  void skip_to_next_keyframe() { wants_keyframe_ = has_missed_ = true; }

 private:
  friend class Ring;
  enum class Begin { anywhere, keyframe };
  // With the ring's lock held, as all below.
  Cursor(Ring& ring, Ring::Place place, Begin begin);

  bool find_next();
  void count_evicted();
  void miss_until(const Ring::Place& place);
  bool skip_to_keyframe();

  Ring* ring_;
  Ring::Place next_;
  Ring::Place made_at_;      // the end of the ring then
  bool wants_keyframe_;      // nothing before the next keyframe is of use
  bool has_missed_ = false;  // so what is skipped on the way to that keyframe is missed as well
  uint64_t missed_ = 0;
};

}  // namespace vedette
