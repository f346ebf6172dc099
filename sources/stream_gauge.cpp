#include "sources/stream_gauge.h"

#include <algorithm>

namespace vedette {

namespace {

double in_seconds(microseconds d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace

void StreamGauge::add(const Packet& packet, const Clock& clock) {
  if (!report_.first_packet) report_.first_packet = packet.arrival;
  if (report_.keyframes == 0 && !packet.video_keyframe()) return;
  report_.info = packet.info;
  if (packet.camera_utc) report_.clock_offset = *packet.camera_utc - clock.to_utc(packet.pts);
  if (packet.video()) add_video(packet);
  bytes_ += packet.payload().size();
  measure();
}

void StreamGauge::add_video(const Packet& packet) {
  if (frames_++ == 0) first_dts_ = packet.dts;
  newest_dts_ = packet.dts;
  if (!packet.keyframe) return;
  if (report_.keyframes++ == 0) {
    report_.first_keyframe = packet.arrival;
    first_keyframe_pts_ = packet.pts;
  } else {
    report_.gop = std::max(report_.gop, packet.pts - newest_keyframe_pts_);
  }
  newest_keyframe_pts_ = packet.pts;
  bytes_before_keyframe_ = bytes_;
}

void StreamGauge::measure() {
  report_.watched = newest_dts_ - first_dts_;
  if (report_.watched <= 0us) return;
  report_.fps = static_cast<double>(frames_ - 1) / in_seconds(report_.watched);
  const microseconds gops = newest_keyframe_pts_ - first_keyframe_pts_;
  const bool whole = gops > 0us;
  report_.bitrate_bps = static_cast<int64_t>(static_cast<double>(whole ? bytes_before_keyframe_ : bytes_) * 8 /
                                             in_seconds(whole ? gops : report_.watched));
}

}  // namespace vedette
