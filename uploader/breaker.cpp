#include "uploader/breaker.h"

namespace vedette {

bool Breaker::allows(int under_way, MonoTime now) const {
  if (now < paused_until_) return false;
  return failures() == 0 || under_way == 0;
}

void Breaker::succeeded() {
  backoff_.reset();
  paused_until_ = {};
}

void Breaker::failed(MonoTime now) {
  if (now < paused_until_) return;  // of those that were under way together, the first counts
  const microseconds pause = backoff_.next();
  if (failures() < kFailures) {
    paused_until_ = now + pause;
    return;
  }
  const microseconds most = kProbePause;
  paused_until_ = now + most + microseconds(std::uniform_int_distribution<int64_t>(0, most.count() / 10)(random_));
}

BreakerState Breaker::state(int under_way) const {
  if (failures() < kFailures) return BreakerState::closed;
  return under_way > 0 ? BreakerState::half_open : BreakerState::open;
}

}  // namespace vedette
