#include "media/timeline.h"

#include <algorithm>
#include <utility>

namespace vedette {

namespace {

constexpr microseconds kUsualFrame = 40ms;  // where nothing is known: 25 frames per second
constexpr microseconds kTick{1};
// Steps backwards of less are what RTCP's corrections and reordering make; more is another clock.
constexpr microseconds kMostBackwards = 1s;
// A live source cannot be further ahead of the clock than this, at the next packet, without having stepped.
constexpr microseconds kMostAhead = 1s;
// Nor is a picture shown so long after it is decoded: the ring and the clips would take it for the newest.
constexpr microseconds kMostReordering = 5s;
constexpr size_t kMostHeld = 32;
// So many frames that come too late for the buffer, within so many: it is not deep enough.
constexpr int kLateFrames = 3;
constexpr int kLateFramesWithin = 100;
constexpr size_t kDeepestReorder = 16;  // H.264 and H.265: MaxDpbFrames

// How many frames at most come before one that is shown before them.
size_t reordering(const std::vector<UntimedPacket>& packets) {
  size_t most = 0;
  for (auto p = packets.begin(); p != packets.end(); ++p) {
    const auto shown_later = [&](const UntimedPacket& other) { return other.pts > p->pts; };
    most = std::max(most, static_cast<size_t>(std::count_if(packets.begin(), p, shown_later)));
  }
  return std::min(most, kDeepestReorder);
}

}  // namespace

microseconds JumpFilter::offset_for(microseconds time, microseconds duration) {
  if (last_ && time - *last_ < -kMostBackwards) offset_ += duration - (time - *last_);
  last_ = time;
  return offset_;
}

microseconds DtsMaker::next(microseconds pts, microseconds duration) {
  if (!last_)  // the frames that would have come before
    for (size_t i = depth_; i > 0; --i) sorted_.push_back(pts - static_cast<int64_t>(i) * duration);
  else if (pts < *last_)
    learn();
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), pts), pts);
  if (++frames_ % kLateFramesWithin == 0) late_frames_ = 0;
  microseconds dts = last_.value_or(sorted_.front());
  if (sorted_.size() > depth_) {
    dts = sorted_.front();
    sorted_.erase(sorted_.begin());
  }
  if (last_) dts = std::max(dts, *last_ + kTick);
  last_ = dts;
  return dts;
}

// Still frames come late: the stream reorders further than it says, and than was seen at its beginning.
void DtsMaker::learn() {
  if (++late_frames_ < kLateFrames || depth_ >= kDeepestReorder) return;
  ++depth_;
  late_frames_ = 0;
}

void DtsMaker::restart() {
  sorted_.clear();
  last_.reset();
}

VideoTimes::VideoTimes(const Options& options) : options_(options), dts_(options.reorder_frames) {}

microseconds VideoTimes::duration_of(const UntimedPacket& packet) const {
  if (packet.packet.duration > microseconds(0)) return packet.packet.duration;
  if (options_.fps > 0) return microseconds(static_cast<int64_t>(1e6 / options_.fps));
  return kUsualFrame;
}

void VideoTimes::push(UntimedPacket packet) {
  if (!packet.pts) packet.pts = packet.dts;
  if (settled_) return emit(std::move(packet));
  held_.push_back(std::move(packet));
  // The first packet in decoding order is shown first, but the second need not be shown second.
  const auto timed =
      std::count_if(held_.begin(), held_.end(), [](const UntimedPacket& p) { return p.pts.has_value(); });
  const bool all_timed = static_cast<size_t>(timed) == held_.size();
  const bool seen_enough = timed > std::max(options_.reorder_frames, options_.look_ahead);
  if (seen_enough || (all_timed && options_.look_ahead == 0) || held_.size() >= kMostHeld) settle();
}

void VideoTimes::finish() {
  if (!settled_) settle();
}

std::optional<DemuxedPacket> VideoTimes::pop() {
  if (ready_.empty()) return std::nullopt;
  DemuxedPacket packet = std::move(ready_.front());
  ready_.pop_front();
  return packet;
}

// Gives those in front that have no time the times before the earliest that is known.
void VideoTimes::settle() {
  settled_ = true;
  microseconds time(0);
  bool known = false;
  for (const UntimedPacket& p : held_) {
    if (p.pts && (!known || *p.pts < time)) time = *p.pts;
    known = known || p.pts;
  }
  const auto first_timed =
      std::find_if(held_.begin(), held_.end(), [](const UntimedPacket& p) { return p.pts.has_value(); });
  for (auto p = first_timed; p != held_.begin();) {
    --p;
    time -= duration_of(*p);
    p->pts = time;
  }
  dts_.expect(reordering(held_));
  for (UntimedPacket& p : held_) emit(std::move(p));
  held_ = {};
}

bool VideoTimes::stepped(microseconds time, MonoTime arrival) {
  const microseconds step = time - last_time_.value_or(time);
  const bool result = step < -kMostBackwards || step > arrival - last_arrival_ + kMostAhead;
  last_time_ = time;
  last_arrival_ = arrival;
  return result;
}

void VideoTimes::emit(UntimedPacket in) {
  const microseconds duration = duration_of(in);
  if (!in.pts) in.pts = last_source_pts_ + duration;
  last_source_pts_ = *in.pts;
  const bool trusted = options_.trust_dts && in.dts;
  const microseconds time = trusted ? *in.dts : *in.pts;
  if (options_.live && stepped(time, in.arrival)) {
    dts_.restart();
    last_dts_.reset();
  }
  const microseconds offset = options_.live ? microseconds(0) : jumps_.offset_for(time, duration);
  DemuxedPacket out = std::move(in.packet);
  out.pts = *in.pts + offset;
  const microseconds made = dts_.next(out.pts, duration);
  out.dts = trusted ? *in.dts + offset : made;
  if (last_dts_) out.dts = std::max(out.dts, *last_dts_ + kTick);
  if (options_.live && trusted && out.pts - out.dts > kMostReordering) out.pts = out.dts;
  out.pts = std::max(out.pts, out.dts);
  last_dts_ = out.dts;
  ready_.push_back(std::move(out));
}

std::optional<DemuxedPacket> AudioTimes::place(UntimedPacket in) {
  if (!in.pts) in.pts = in.dts;
  if (!in.pts && !last_) return std::nullopt;
  DemuxedPacket out = std::move(in.packet);
  out.pts = in.pts.value_or(last_.value_or(microseconds(0)) + last_duration_);
  if (!live_ && in.pts) out.pts += jumps_.offset_for(*in.pts, out.duration);
  if (!live_ && last_) out.pts = std::max(out.pts, *last_ + kTick);
  out.dts = out.pts;
  last_ = out.pts;
  last_duration_ = out.duration;
  return out;
}

}  // namespace vedette
