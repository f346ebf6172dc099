#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include "core/clock.h"
#include "media/demuxer.h"
#include "media/packet.h"

namespace vedette {

// Playout hands out the packets of a source that has seconds of them at hand (HLS, a recorded file), each when its time
// has come: the first frame now, the others as far behind it as they were made. What waits meanwhile waits at the
// server. A source that falls behind, or whose clock steps, goes on from now: the hole is the viewer's to see.
// Within a track dts always grows. Used by one thread.
class Playout {
 public:
  using Push = std::function<void(Packet)>;

  // Later than this: the source could not keep up. A step forward of more than kMostAhead: another clock.
  static constexpr microseconds kMostBehind = 1s;
  static constexpr microseconds kMostAhead = 5s;

  explicit Playout(const Clock& clock) : clock_(clock) {}

  // Waits for the packet's time, and pushes it; not after the stop.
  void play(DemuxedPacket packet, const Push& push, const std::stop_token& stop);

 private:
  bool fits(MonoTime due) const;

  const Clock& clock_;
  std::optional<microseconds> offset_;                         // monotonic time minus source time
  MonoTime last_dts_[2] = {MonoTime::min(), MonoTime::min()};  // by track
};

}  // namespace vedette
