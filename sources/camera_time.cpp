#include "sources/camera_time.h"

namespace vedette {

namespace {

constexpr UtcTime kTooLate{4'102'444'800s};  // 2100-01-01

bool alike(microseconds a, const std::optional<microseconds>& b) {
  return b && std::chrono::abs(a - *b) <= CameraTime::kStep;
}

}  // namespace

std::optional<UtcTime> CameraTime::believed(std::optional<UtcTime> said, MonoTime captured) {
  if (!said || *said < kClockWasSet || *said >= kTooLate) return std::nullopt;
  const microseconds offset = said->time_since_epoch() - captured.time_since_epoch();
  if (offset_ && !alike(offset, offset_)) {
    if (!alike(offset, other_)) since_ = captured;
    other_ = offset;
    if (captured - since_ < kSettled) return std::nullopt;
  }
  offset_ = offset;
  other_.reset();
  return said;
}

}  // namespace vedette
