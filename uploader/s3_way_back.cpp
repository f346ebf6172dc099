#include "uploader/s3_way_back.h"

#include <algorithm>

namespace vedette {

namespace {

// Between two looks: a tenth of the while, within these. As with brokers (mqtt/way_back.cpp).
constexpr microseconds kLeastInterval = 200ms;
constexpr microseconds kMostInterval = 30s;
constexpr int kMostDoublings = 4;
constexpr microseconds kNoLook = 24h;

}  // namespace

S3WayBack::S3WayBack(S3Client& first, microseconds after, const Clock& clock)
    : first_(first), after_(after), clock_(clock) {}

void S3WayBack::watch(bool yes, int returns_in_vain) {
  if (yes == watching_ || after_ == 0us) return;
  watching_ = yes;
  call_.reset();
  there_since_.reset();
  const int64_t base = after_.count() * (int64_t{1} << std::min(returns_in_vain, kMostDoublings));
  wait_ = microseconds(std::uniform_int_distribution<int64_t>(base, base + base / 2)(random_));
  look_at_ = clock_.mono() + std::clamp(after_ / 10, kLeastInterval, kMostInterval);
}

microseconds S3WayBack::look() {
  if (!watching_ || call_) return kNoLook;
  const MonoTime now = clock_.mono();
  if (now < look_at_) return look_at_ - now;
  call_ = first_.start({.method = "GET", .key = "", .query = {{"location", ""}}},
                       [this](const HttpOutcome& outcome) { on_answer(outcome); });
  return kNoLook;
}

void S3WayBack::on_answer(const HttpOutcome& outcome) {
  const auto call = std::move(call_);  // it runs this: kept to its end
  const MonoTime now = clock_.mono();
  look_at_ = now + std::clamp(after_ / 10, kLeastInterval, kMostInterval);
  if (!outcome.response || first_.is_unusable())
    there_since_.reset();
  else if (!there_since_)
    there_since_ = now;
}

bool S3WayBack::is_time() const {
  return watching_ && there_since_ && clock_.mono() - *there_since_ >= wait_;
}

}  // namespace vedette
