#pragma once

#include "core/backoff.h"
#include "core/clock.h"

namespace vedette {

// RetryPauses is how long a camera is left alone before the next try: from 1 s up to 30 s, and 60 s and more when the
// camera refused us. Not thread-safe.
class RetryPauses {
 public:
  // After a session that failed. `refused`: by a wrong password, or because too many are watching.
  milliseconds next(bool refused) { return refused ? refused_.next() : failed_.next(); }
  // After a session that brought a keyframe.
  void reset() {
    failed_.reset();
    refused_.reset();
  }

 private:
  static constexpr milliseconds kFirst{1000};
  static constexpr milliseconds kLongest{30'000};
  // Cameras lock an account after a few wrong passwords, and count a refused session as one in use for a while.
  static constexpr milliseconds kFirstRefused{120'000};  // of which at least half is drawn
  static constexpr milliseconds kLongestRefused{300'000};

  Backoff failed_{kFirst, kLongest};
  Backoff refused_{kFirstRefused, kLongestRefused};
};

}  // namespace vedette
