#pragma once

// Inside storage/ only.
#include <optional>

#include "core/clock.h"
#include "media/packet.h"

namespace vedette {

// CameraClock finds what the camera's own clock showed at the beginning of a clip, by all packets of the clip: the
// first seconds of a session have no camera time yet. It is not known when that clock stepped by more than kStep
// meanwhile, beyond what clocks drift apart: one time would be wrong for a part of the clip.
class CameraClock {
 public:
  static constexpr microseconds kStep = 1s;
  static constexpr int kDriftDivisor = 2000;  // 500 ppm; crystals are within 100

  void add(const Packet& packet) {
    if (!packet.camera_utc) return;
    const microseconds offset = packet.camera_utc->time_since_epoch() - packet.pts.time_since_epoch();
    if (!first_) first_ = First{offset, packet.pts};
    const microseconds drift = std::chrono::abs(packet.pts - first_->at) / kDriftDivisor;
    if (std::chrono::abs(offset - first_->offset) > kStep + drift) stepped_ = true;
  }

  std::optional<UtcTime> at(MonoTime t) const {
    if (!first_ || stepped_) return std::nullopt;
    return UtcTime(t.time_since_epoch() + first_->offset);
  }

 private:
  struct First {
    microseconds offset;  // the camera's clock minus our monotonic one
    MonoTime at;
  };
  std::optional<First> first_;
  bool stepped_ = false;
};

}  // namespace vedette
