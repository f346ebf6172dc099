#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "core/clock.h"

namespace vedette {

// Histogram counts how long a stage took, from 1 us to 70 min, in buckets of at most 12.5 % width. Adding is a few
// plain instructions and never waits; reading takes what was added since the last reading.
// Any thread may add; one thread reads.
class Histogram {
 public:
  struct Figures {
    uint64_t count = 0;
    microseconds p50{0};
    microseconds p99{0};
    microseconds max{0};
  };

  void add(microseconds duration) {
    buckets_[index(duration.count())].fetch_add(1, std::memory_order_relaxed);
    uint64_t most = max_.load(std::memory_order_relaxed);
    const auto value = static_cast<uint64_t>(duration.count() < 0 ? 0 : duration.count());
    while (value > most && !max_.compare_exchange_weak(most, value, std::memory_order_relaxed)) {
    }
  }

  // The figures since the last call.
  Figures take();

 private:
  static constexpr size_t kBuckets = 256;
  static size_t index(int64_t us);
  static int64_t upper_edge(size_t index);

  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> max_{0};
};

}  // namespace vedette
