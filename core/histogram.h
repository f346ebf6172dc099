#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/clock.h"

namespace vedette {

// Histogram counts how long a stage took, from 1 us to 70 min, in buckets of at most 12.5 % width. Adding is a few
// plain instructions and never waits. Nothing is ever taken out: who wants figures looks through a HistogramWindow.
// Any thread may add.
class Histogram {
 public:
  struct Figures {
    uint64_t count = 0;
    microseconds mean{0};
    microseconds p50{0};  // these three: the upper edge of their bucket
    microseconds p99{0};
    microseconds max{0};
  };

  // All that was ever added, as Prometheus counts: how many took less than each edge, which are 2^i times kFirstEdge
  // and edges of buckets, so that nothing is guessed.
  static constexpr size_t kEdges = 18;  // up to 16.8 s
  static constexpr microseconds kFirstEdge{128};
  struct Totals {
    std::array<uint64_t, kEdges> below{};
    uint64_t count = 0;
    microseconds sum{0};
  };
  Totals totals() const;

  void add(microseconds duration) {
    const uint64_t us = duration.count() < 0 ? 0 : static_cast<uint64_t>(duration.count());
    buckets_[index(us)].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(us, std::memory_order_relaxed);
  }

 private:
  friend class HistogramWindow;
  static constexpr size_t kBuckets = 256;
  static size_t index(uint64_t us);

  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> sum_us_{0};
};

// HistogramWindow gives the figures of what was added to a histogram since it last looked; a first time: since the
// start. Each belongs to one thread and disturbs no other. The histogram outlives it.
class HistogramWindow {
 public:
  explicit HistogramWindow(const Histogram& histogram) : histogram_(&histogram) {}

  Histogram::Figures next();

 private:
  const Histogram* histogram_;
  std::array<uint64_t, Histogram::kBuckets> seen_{};
  uint64_t seen_sum_us_ = 0;
};

}  // namespace vedette
