#include "agent/latency_alarm.h"

#include <algorithm>

namespace vedette {

std::string_view stage_name(Stage stage) {
  constexpr std::array<std::string_view, kStages> kNames = {"capture", "ring", "mux", "sync"};
  return kNames[static_cast<size_t>(stage)];
}

LatencyAlarm::Change LatencyAlarm::see(const StageFigures& figures, MonoTime now) {
  microseconds most{0};  // of those that are above it for long enough
  for (size_t i = 0; i < kStages; ++i) {
    if (figures[i].count > 0) {
      heard_[i] = now;
      p99_[i] = figures[i].p99;
      if (p99_[i] <= threshold_)
        above_since_[i].reset();
      else if (!above_since_[i])
        above_since_[i] = now;
    }
    if (now - heard_[i] >= kHold) above_since_[i].reset();  // nothing goes through it any more
    if (!above_since_[i]) continue;
    last_above_ = now;
    if (now - *above_since_[i] < kHold || p99_[i] <= most) continue;
    most = p99_[i];
    worst_ = static_cast<Stage>(i);
  }
  if (!raised_ && most > 0us) {
    raised_ = true;
    return Change::raised;
  }
  if (raised_ && now - last_above_ >= kHold) {
    raised_ = false;
    return Change::over;
  }
  return Change::none;
}

}  // namespace vedette
