#include "storage/frequent_losses.h"

#include <utility>

namespace vedette {

namespace {

// What is far away was dated by a clock that has been set since: a row of both would span all that lies between.
bool adjacent(const Loss& kept, const Loss& loss) {
  return std::chrono::abs(loss.start - kept.end) <= FrequentLosses::kMinute;
}

}  // namespace

bool FrequentLosses::keep(const Loss& loss, MonoTime now) {
  if (loss.reason != "packets_lost") return false;
  const std::lock_guard lock(mutex_);
  const auto [minute, is_new] = by_camera_.try_emplace(loss.camera_id, Minute{now, std::nullopt});
  if (is_new) return false;
  std::optional<Loss>& kept = minute->second.loss;
  if (kept) return adjacent(*kept, loss) && join(*kept, loss);
  kept = loss;
  return true;
}

std::vector<Loss> FrequentLosses::take(MonoTime now) {
  std::vector<Loss> taken;
  const std::lock_guard lock(mutex_);
  for (auto it = by_camera_.begin(); it != by_camera_.end();) {
    Minute& minute = it->second;
    if (now - minute.begun < kMinute) {
      ++it;
    } else if (minute.loss) {
      taken.push_back(*std::exchange(minute.loss, std::nullopt));
      minute.begun = now;
      ++it;
    } else {
      it = by_camera_.erase(it);
    }
  }
  return taken;
}

}  // namespace vedette
