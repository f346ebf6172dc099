#include "storage/past_frame.h"

#include <algorithm>

#include "storage/gap_rule.h"

namespace vedette {

Result<std::optional<PastFrame>> frame_at(PastSource& source, UtcTime at, const std::stop_token& stop) {
  const MonoTime t = source.times.to_mono(at);
  if (auto found = source.seek(t); !found) return found.error_as_is();
  PastFrame frame;
  std::vector<Packet> batch;
  for (bool passed = false; !passed && !stop.stop_requested();) {
    batch.clear();
    const auto more = source.read(batch, stop);
    if (!more) return more.error_as_is();
    if (!*more) break;
    for (Packet& packet : batch) {
      if (!packet.video()) continue;
      passed = passed || packet.dts > t;
      if (passed) break;
      if (packet.keyframe && packet.pts <= t) frame.packets.clear();
      if (!frame.packets.empty() || packet.keyframe) frame.packets.push_back(std::move(packet));
    }
  }
  // Decoding order is not the order on the screen.
  const auto shown = [t](const Packet& packet) { return packet.pts <= t; };
  auto newest = std::find_if(frame.packets.begin(), frame.packets.end(), shown);
  if (newest == frame.packets.end()) return std::nullopt;
  for (auto p = newest; p != frame.packets.end(); ++p)
    if (shown(*p) && p->pts > newest->pts) newest = p;
  const microseconds step = newest == frame.packets.begin() ? 0us : newest->dts - std::prev(newest)->dts;
  if (is_gap(t - newest->pts, step)) return std::nullopt;
  frame.shown_at = source.times.to_utc(newest->pts);
  frame.packets.erase(std::next(newest), frame.packets.end());
  return std::optional(std::move(frame));
}

}  // namespace vedette
