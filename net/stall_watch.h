#pragma once

#include "core/clock.h"
#include "net/http_transfer.h"

namespace vedette {

// Tells how long a transfer has not moved. What is held back by our own limit does not count as stalled.
class StallWatch {
 public:
  StallWatch(const HttpTransfer& transfer, microseconds limit)
      : transfer_(transfer), limit_(limit), since_(Clock::system().mono()) {}

  // What is left until the transfer counts as stalled; nothing or less: it has.
  microseconds left() {
    const MonoTime now = Clock::system().mono();
    if (const int64_t moved = transfer_.moved_bytes(); moved != moved_ || transfer_.held_back()) {
      moved_ = moved;
      since_ = now;
    }
    return since_ + limit_ - now;
  }

  Error error() const { return {Code::timed_out, "nothing moved for " + std::to_string(to_ms(limit_)) + " ms"}; }

 private:
  const HttpTransfer& transfer_;
  const microseconds limit_;
  MonoTime since_;
  int64_t moved_ = 0;
};

// What is queued at the kernel moves without waking anybody, so it is looked at this often when a stall is near.
inline constexpr microseconds kLongestPoll = 1s;

}  // namespace vedette
