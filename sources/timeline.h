#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/clock.h"
#include "media/demuxer.h"
#include "media/packet.h"
#include "sources/camera_time.h"

namespace vedette {

// Timeline places the packets of one live session on this machine's monotonic clock.
//
// A camera counts time from anywhere, its clock runs a little fast or slow, and it may step. What is known is when each
// packet arrived, which is never before it was captured: so the offset is the one with which the least delayed packet
// was captured when it arrived.
//  - The packets of the first kSettle are held back to find that offset: a server that begins with a burst of older
//    frames would otherwise seem to send from the future.
//  - Drift is followed: what the least delayed packet of a kDriftWindow was late, or early, is corrected in the course
//    of the next one. Up to kDrift (200 ppm; camera crystals are within 100) that is done whole. What is more may be
//    the network's delay, and a quarter of it is; but a camera that counts 30 frames a second where it takes 29.97 is
//    off by 1,000 ppm, and is so kept within 50 ms. What is wrong by more than kJump all the while is not believed at
//    all.
//  - After a step of the video's clock by more than kJump, either way, the offset is found anew in the same manner, for
//    all tracks at once, so errors do not add up. Audio that steps earlier or later does not fit the video's clock for
//    a while, and is left out.
// Within a track dts always grows. This is the one place that takes out steps of a live source. Used by one thread.
class Timeline {
 public:
  using Push = std::function<void(Packet)>;

  static constexpr microseconds kSettle = 300ms;
  static constexpr microseconds kDriftWindow = 10s;
  static constexpr microseconds kDrift = 2ms;
  static constexpr int kSlowness = 4;
  static constexpr microseconds kJump = 1s;

  explicit Timeline(const Clock& clock) : clock_(clock) {}

  // Takes a packet that arrived now and pushes it, or holds it; a later call pushes what was held.
  void add(DemuxedPacket packet, MonoTime arrival, const Push& push);

  // Whether packets are pushed as they come, none held back.
  bool settled() const { return offset_.has_value() && held_.empty(); }
  uint64_t jumps() const { return jumps_; }
  uint64_t audio_left_out() const { return audio_left_out_; }

 private:
  struct Held {
    DemuxedPacket packet;
    MonoTime arrival;
  };

  void settle(const Push& push);
  void begin_window(MonoTime begin, microseconds correction);
  void follow_drift(microseconds lateness, MonoTime arrival);
  bool stepped(const DemuxedPacket& packet, MonoTime arrival) const;
  bool fits_video(MonoTime audio_pts, MonoTime arrival) const;
  void place(DemuxedPacket packet, MonoTime arrival, const Push& push);

  const Clock& clock_;
  std::vector<Held> held_;
  std::optional<microseconds> offset_;          // monotonic time minus source time; nothing while settling
  std::optional<microseconds> last_video_dts_;  // source time, of the packet that was added last
  MonoTime last_video_arrival_;
  MonoTime last_video_pts_;                                    // of the packet that was placed last
  MonoTime last_dts_[2] = {MonoTime::min(), MonoTime::min()};  // by track
  MonoTime window_begin_;
  microseconds window_offset_{0};  // the offset then
  microseconds correction_{0};     // what it is changed by until the end of the window
  microseconds least_lateness_ = microseconds::max();
  CameraTime camera_time_;
  uint64_t jumps_ = 0;
  uint64_t audio_left_out_ = 0;
};

}  // namespace vedette
