#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "core/clock.h"
#include "core/histogram.h"

namespace vedette {

// What a camera's frames go through, in this order.
enum class Stage : uint8_t { capture, ring, mux, sync };
inline constexpr size_t kStages = 4;
std::string_view stage_name(Stage stage);
using StageFigures = std::array<Histogram::Figures, kStages>;  // by Stage

// LatencyAlarm decides for one camera when its frames take too long: when the p99 of a stage stays above the threshold
// for kHold, and no more when none has been above it for as long. Figures are those since the last call; a stage
// without any says nothing. Belongs to one thread.
class LatencyAlarm {
 public:
  static constexpr seconds kHold{5};

  explicit LatencyAlarm(microseconds threshold) : threshold_(threshold) {}

  enum class Change : uint8_t { none, raised, over };
  Change see(const StageFigures& figures, MonoTime now);

  bool raised() const { return raised_; }
  // The slowest, by its newest p99, of the stages that are above the threshold for so long; while the alarm is raised.
  Stage worst() const { return worst_; }
  microseconds worst_p99() const { return p99_[static_cast<size_t>(worst_)]; }

 private:
  const microseconds threshold_;
  std::array<std::optional<MonoTime>, kStages> above_since_{};
  std::array<microseconds, kStages> p99_{};
  std::array<MonoTime, kStages> heard_{};
  MonoTime last_above_;
  Stage worst_ = Stage::capture;
  bool raised_ = false;
};

}  // namespace vedette
