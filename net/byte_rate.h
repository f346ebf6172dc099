#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/clock.h"

namespace vedette {

// ByteRate limits what many senders send together: a bucket that fills at the rate and holds no more than a tenth of a
// second of it, so that bursts stay small and nothing is saved up while nobody sends. It is given out a hundredth of a
// second at a time; the rest of its depth is for a sender that was held up.
//
// One thread takes; any may set the limit.
class ByteRate {
 public:
  // 0: no limit.
  void set(int64_t bits_per_s) { bits_per_s_ = bits_per_s; }
  int64_t bits_per_s() const { return bits_per_s_; }

  // How many of the wanted bytes may be sent now; 0: none, see until_some().
  size_t take(size_t wanted, MonoTime now);
  // How long it takes until something may be sent.
  microseconds until_some(MonoTime now);

 private:
  void fill(int64_t bits_per_s, MonoTime now);

  std::atomic<int64_t> bits_per_s_{0};
  double bytes_ = 0;  // in the bucket
  MonoTime filled_{};
};

}  // namespace vedette
