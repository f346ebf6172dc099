#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/clock.h"
#include "sources/rtsp/rtp.h"

namespace vedette::rtsp {

// How long to wait for a packet that those behind it have overtaken: 1.5 rtt + 3 jitter, 100 ms at least. And half a
// second at most, whatever a camera does that answers slowly, or whose timestamps say little.
microseconds reorder_wait(microseconds rtt, microseconds jitter);

// ReorderWindow puts the RTP packets of one stream, which UDP may double and bring out of order, into the order of
// their sequence numbers. One that comes in its turn, as nearly all do, is passed on at once from where it lies; one
// that comes early is copied and held until those in front of it have come, for reorder_wait() or kMostPackets at most.
// What is doubled or comes later than that is left out. The copies' memory is kept. Used by one thread.
class ReorderWindow {
 public:
  // A keyframe comes in a burst, of which a bad network mixes all. Divides 2^16.
  static constexpr size_t kMostPackets = 512;
  using Emit = std::function<void(std::span<const uint8_t> packet)>;

  ReorderWindow(int clock_rate_hz, microseconds rtt, Emit emit)
      : rtt_(rtt), emit_(std::move(emit)), jitter_(clock_rate_hz) {}

  // A datagram; what is no RTP is left out.
  void add(std::span<const uint8_t> packet, MonoTime now);
  // Passes on what was held long enough. To be called now and then.
  void release(MonoTime now);

  microseconds wait() const { return reorder_wait(rtt_, jitter_.time()); }
  uint64_t reordered() const { return reordered_; }
  uint64_t left_out() const { return left_out_; }

 private:
  struct Slot {
    std::vector<uint8_t> bytes;
    MonoTime since;
    bool held = false;
  };
  Slot& slot(uint16_t sequence) { return slots_[sequence % kMostPackets]; }
  void begin(uint16_t sequence, uint32_t ssrc);
  void pass_held();
  void skip_to(uint16_t sequence);
  void hold(uint16_t sequence, std::span<const uint8_t> packet, MonoTime now);

  const microseconds rtt_;
  const Emit emit_;
  Jitter jitter_;
  std::array<Slot, kMostPackets> slots_;  // by sequence number; of those from next_ on
  size_t held_ = 0;
  std::optional<uint32_t> ssrc_;
  uint16_t next_ = 0;
  uint64_t reordered_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace vedette::rtsp
