#include "agent/clock_watch.h"

#include <utility>

namespace vedette {

ClockWatch::ClockWatch(const Clock& clock) : clock_(clock), offset_(clock.offset()), synced_(clock.synchronised()) {}

std::optional<ClockChange> ClockWatch::look() {
  const microseconds step = clock_.offset() - offset_;
  const bool synced = clock_.synchronised();
  const bool became_synced = !std::exchange(synced_, synced) && synced;
  if (std::chrono::abs(step) <= kClockStep) return became_synced ? std::optional(ClockChange{0us, true}) : std::nullopt;
  offset_ += step;
  return ClockChange{step, synced};
}

}  // namespace vedette
