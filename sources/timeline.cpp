#include "sources/timeline.h"

#include <algorithm>

namespace vedette {

void Timeline::add(DemuxedPacket packet, MonoTime arrival, const Push& push) {
  if (packet.track == Track::video) {
    if (stepped(packet, arrival)) {
      if (!held_.empty()) settle(push);
      offset_.reset();
      ++jumps_;
    }
    last_video_dts_ = packet.dts;
    last_video_arrival_ = arrival;
  }
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
  const auto first =
      std::find_if(held_.begin(), held_.end(), [](const Held& h) { return h.packet.track == Track::video; });
  last_video_pts_ = MonoTime(first->packet.pts + *offset_);
  begin_window(held_.back().arrival, 0us);
  for (Held& held : held_) place(std::move(held.packet), held.arrival, push);
  held_ = {};
}

bool Timeline::stepped(const DemuxedPacket& packet, MonoTime arrival) const {
  if (!last_video_dts_) return false;
  const microseconds step = packet.dts - *last_video_dts_;
  return step < -kJump || step - (arrival - last_video_arrival_) > kJump;
}

void Timeline::begin_window(MonoTime begin, microseconds correction) {
  window_begin_ = begin;
  window_offset_ = *offset_;
  correction_ = correction;
  least_lateness_ = microseconds::max();
}

// Bit by bit, so that no picture stands or is hurried by.
void Timeline::follow_drift(microseconds lateness, MonoTime arrival) {
  least_lateness_ = std::min(least_lateness_, lateness);
  const microseconds passed = std::min(arrival - window_begin_, kDriftWindow);
  *offset_ = window_offset_ + correction_ * passed.count() / kDriftWindow.count();
  if (passed < kDriftWindow) return;
  const microseconds most = std::max(kDrift, std::chrono::abs(least_lateness_) / kSlowness);
  const bool is_wrong = std::chrono::abs(least_lateness_) > kJump;
  begin_window(arrival, is_wrong ? least_lateness_ : std::clamp(least_lateness_, -most, most));
}

// Near its arrival, or near the picture that a slow network delays as much.
bool Timeline::fits_video(MonoTime audio_pts, MonoTime arrival) const {
  const auto near = [audio_pts](MonoTime t) { return audio_pts < t + kJump && audio_pts > t - kJump; };
  return near(arrival) || near(last_video_pts_);
}

void Timeline::place(DemuxedPacket packet, MonoTime arrival, const Push& push) {
  const bool video = packet.track == Track::video;
  MonoTime pts(packet.pts + *offset_);
  MonoTime dts(packet.dts + *offset_);
  if (video) {
    last_video_pts_ = pts;
    follow_drift(arrival - pts, arrival);
  } else if (!fits_video(pts, arrival)) {
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
  if (video) out.camera_utc = camera_time_.believed(packet.camera_utc, MonoTime(packet.pts + *offset_));
  out.duration = packet.duration;
  out.lost_before = packet.lost_before;
  out.track = packet.track;
  out.keyframe = packet.keyframe;
  push(std::move(out));
}

}  // namespace vedette
