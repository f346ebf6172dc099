#include "sources/pictures/shared_picture.h"

#include <algorithm>

#include "core/thread.h"

namespace vedette {

bool SharedPicture::serves(const Wish& wish) const {
  if (!newest_) return false;
  return wish.fresh ? newest_->asked > wish.received : newest_->arrived + kRecent >= wish.received;
}

Result<CameraShot> SharedPicture::get(const Wish& wish, const std::stop_token& stop) {
  if (failure_) {
    // Who has more time may fare better.
    const bool out_of_time = failure_->error.code == Code::timed_out || failure_->error.code == Code::cancelled;
    if (failure_->at >= wish.received && !out_of_time) return tl::make_unexpected(failure_->error);
  }
  if (serves(wish)) return *newest_;
  return ask(wish, stop);
}

Result<CameraShot> SharedPicture::ask(const Wish& wish, const std::stop_token& stop) {
  const microseconds until = std::min(next_, wish.deadline) - clock_.mono();
  if (until > 0us && wait_for(until, stop)) return fail(Code::cancelled, "stopped");
  const MonoTime asked = clock_.mono();
  if (asked >= wish.deadline) return fail(Code::timed_out, "the camera's picture did not come in time");
  auto jpeg = fetch_(wish.deadline, stop);
  const MonoTime now = clock_.mono();
  next_ = now + pause_;
  if (!jpeg) {
    failure_ = Failure{jpeg.error(), now};
    return jpeg.error_as_is();
  }
  failure_.reset();
  newest_ = CameraShot{std::make_shared<const std::string>(std::move(*jpeg)), asked, now};
  return *newest_;
}

void SharedPicture::forget() {
  if (newest_ && newest_->arrived + kRecent < clock_.mono()) newest_.reset();
}

}  // namespace vedette
