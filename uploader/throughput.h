#pragma once

#include <cstdint>
#include <deque>

#include "core/clock.h"

namespace vedette {

// Throughput measures what goes out, over the last 10 s in which something was to go. Not thread-safe.
class Throughput {
 public:
  static constexpr microseconds kWindow = 10s;

  // Once in a while: what was sent since the start, and whether there is anything to send.
  void sample(int64_t sent_bytes, bool busy, MonoTime now);
  // 0: nothing is to be sent, or it has only begun.
  int64_t bits_per_s() const { return busy_ ? rate_ : 0; }
  // What it was when there was last something to send; 0: not known yet.
  int64_t last_bits_per_s() const { return rate_; }

 private:
  struct Sample {
    MonoTime at;
    int64_t sent_bytes;
  };
  std::deque<Sample> samples_;  // of this busy time
  bool busy_ = false;
  int64_t rate_ = 0;
};

}  // namespace vedette
