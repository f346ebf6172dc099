#include "sources/timeline.h"

#include <algorithm>

namespace vedette {

namespace {

// Audio further than this from its arrival is of another clock than the video's.
constexpr microseconds kAudioTolerance = 2s;

}  // namespace

void Timeline::add(DemuxedPacket packet, MonoTime arrival, const Push& push) {
  if (offset_) {
    place(std::move(packet), arrival, push);
    return;
  }
  held_.push_back({std::move(packet), arrival});
  if (arrival - held_.front().arrival >= kSettle) settle(push);
}

void Timeline::settle(const Push& push) {
  for (const Held& held : held_) {
    if (held.packet.track != Track::video) continue;
    const microseconds offset = held.arrival.time_since_epoch() - held.packet.pts;
    offset_ = offset_ ? std::min(*offset_, offset) : offset;
  }
  if (!offset_) return;  // no video yet: the picture is what everything is timed by
  window_end_ = held_.back().arrival + kDriftWindow;
  for (Held& held : held_) place(std::move(held.packet), held.arrival, push);
  held_ = {};
}

void Timeline::check_jump(const DemuxedPacket& packet, MonoTime arrival) {
  if (last_video_dts_) {
    const microseconds step = packet.dts - *last_video_dts_;
    const microseconds passed = arrival - last_video_arrival_;
    if (step < -kJump || step - passed > kJump) {
      offset_ = arrival.time_since_epoch() - packet.pts;
      window_end_ = arrival + kDriftWindow;
      least_lateness_ = microseconds::max();
      ++jumps_;
    }
  }
  last_video_dts_ = packet.dts;
  last_video_arrival_ = arrival;
}

void Timeline::follow_drift(microseconds lateness, MonoTime arrival) {
  least_lateness_ = std::min(least_lateness_, lateness);
  if (arrival < window_end_) return;
  *offset_ += std::clamp(least_lateness_, -kMostCorrection, kMostCorrection);
  least_lateness_ = microseconds::max();
  window_end_ = arrival + kDriftWindow;
}

void Timeline::place(DemuxedPacket packet, MonoTime arrival, const Push& push) {
  const bool video = packet.track == Track::video;
  if (video) check_jump(packet, arrival);
  MonoTime pts(packet.pts + *offset_);
  MonoTime dts(packet.dts + *offset_);
  if (video) {
    follow_drift(arrival - pts, arrival);
  } else if (pts > arrival + kAudioTolerance || pts < arrival - kAudioTolerance) {
    ++audio_left_out_;
    return;
  }
  MonoTime& last = last_dts_[video ? 0 : 1];
  if (last != MonoTime::min()) dts = std::max(dts, last + microseconds(1));
  last = dts;
  pts = std::max(pts, dts);

  Packet out;
  out.data = std::move(packet.data);
  out.info = std::move(packet.info);
  out.pts = pts;
  out.dts = dts;
  out.arrival = arrival;
  out.arrival_utc = clock_.to_utc(arrival);
  out.duration = packet.duration;
  out.track = packet.track;
  out.keyframe = packet.keyframe;
  push(std::move(out));
}

}  // namespace vedette
