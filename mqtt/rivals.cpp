#include "mqtt/rivals.h"

#include "mqtt/pauses.h"

namespace vedette::mqtt {

namespace {

constexpr int kEnough = 3;

}  // namespace

bool Rivals::judge(const End& end) {
  if (end.lasted >= peace_) known_ = false;
  if (end.cause == Cause::taken_over) known_ = true;
  const bool looks_like_one = end.cause == Cause::closed && end.was_ready && end.session_present;
  if (known_) return end.cause == Cause::taken_over || (looks_like_one && end.lasted < peace_);
  in_a_row_ = looks_like_one && end.lasted < Pauses::kStable ? in_a_row_ + 1 : 0;
  if (in_a_row_ < kEnough) return false;
  in_a_row_ = 0;
  known_ = true;
  return true;
}

}  // namespace vedette::mqtt
