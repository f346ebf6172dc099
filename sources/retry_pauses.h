#pragma once

#include "core/backoff.h"
#include "core/clock.h"
#include "core/result.h"

namespace vedette {

// RetryPauses is how long a camera is left alone before the next try: from 1 s up to 30 s, and 60 s and more when the
// camera refused us. Not thread-safe.
class RetryPauses {
 public:
  enum class After {
    failure,
    busy,     // so it says: perhaps with the session that has just ended
    refused,  // a wrong password, or too many are watching
  };
  // What the error of a session means for the next one.
  static After after(Code code) {
    if (code == Code::forbidden || code == Code::rate_limited) return After::refused;
    return code == Code::busy ? After::busy : After::failure;
  }

  milliseconds next(After what) {
    // A camera counts a session that has just ended as one in use for some seconds (503, 454): no reason to miss a
    // minute. If it stays busy, others are watching.
    const bool patient = what == After::refused || (what == After::busy && ++busy_ > kQuickTriesWhenBusy);
    return patient ? refused_.next() : failed_.next();
  }
  // After a session that brought a keyframe.
  void reset() {
    failed_.reset();
    refused_.reset();
    busy_ = 0;
  }

 private:
  static constexpr milliseconds kFirst{1000};
  static constexpr milliseconds kLongest{30'000};
  // Cameras lock an account after a few wrong passwords. Of a ceiling at least half is drawn: 60 s.
  static constexpr milliseconds kFirstRefused{120'000};
  static constexpr milliseconds kLongestRefused{300'000};
  static constexpr int kQuickTriesWhenBusy = 3;

  Backoff failed_{kFirst, kLongest};
  Backoff refused_{kFirstRefused, kLongestRefused};
  int busy_ = 0;
};

}  // namespace vedette
