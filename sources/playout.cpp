#include "sources/playout.h"

#include <algorithm>

#include "core/thread.h"

namespace vedette {

bool Playout::fits(MonoTime due) const {
  const MonoTime now = clock_.mono();
  return due > now - kMostBehind && due < now + kMostAhead;
}

void Playout::play(DemuxedPacket packet, const Push& push, const std::stop_token& stop) {
  const bool video = packet.track == Track::video;
  if (!video && !(offset_ && fits(MonoTime(packet.dts + *offset_)))) return;  // the picture is what all is timed by
  if (!offset_ || !fits(MonoTime(packet.dts + *offset_))) offset_ = clock_.mono().time_since_epoch() - packet.dts;
  MonoTime dts(packet.dts + *offset_);
  MonoTime& last = last_dts_[video ? 0 : 1];
  if (last != MonoTime::min()) dts = std::max(dts, last + microseconds(1));
  last = dts;
  if (wait_until(dts, stop)) return;

  Packet out;
  out.data = std::move(packet.data);
  out.info = std::move(packet.info);
  out.dts = dts;
  out.pts = std::max(dts, MonoTime(packet.pts + *offset_));
  out.arrival = clock_.mono();
  out.arrival_utc = clock_.to_utc(out.arrival);
  out.duration = packet.duration;
  out.track = packet.track;
  out.keyframe = packet.keyframe;
  push(std::move(out));
}

}  // namespace vedette
