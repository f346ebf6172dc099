#include "uploader/s3_way_back.h"

namespace vedette {

namespace {

constexpr microseconds kNoLook = 24h;

}  // namespace

S3WayBack::S3WayBack(S3Client& first, microseconds after, const Clock& clock)
    : first_(first), returns_(after > 0us), return_wait_(after), clock_(clock) {}

void S3WayBack::watch(bool yes, int returns_in_vain) {
  if (yes == watching_ || !returns_) return;
  watching_ = yes;
  call_.reset();
  there_since_.reset();
  wait_ = return_wait_.draw(returns_in_vain);
  look_at_ = clock_.mono() + return_wait_.look_interval();
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
  look_at_ = now + return_wait_.look_interval();
  if (!outcome.response || first_.is_unusable())
    there_since_.reset();
  else if (!there_since_)
    there_since_ = now;
}

bool S3WayBack::is_time() const {
  return watching_ && there_since_ && clock_.mono() - *there_since_ >= wait_;
}

}  // namespace vedette
