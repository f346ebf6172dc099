#include "core/histogram.h"

#include <algorithm>
#include <bit>

namespace vedette {

// Values below 8 have a bucket each; above, every power of two is cut into 8.
size_t Histogram::index(int64_t us) {
  if (us < 8) return static_cast<size_t>(std::max<int64_t>(us, 0));
  const auto value = static_cast<uint64_t>(us);
  const auto power = static_cast<size_t>(std::bit_width(value)) - 4;  // value >> power is 8..15
  return std::min(kBuckets - 1, power * 8 + (value >> power));
}

int64_t Histogram::upper_edge(size_t index) {
  if (index < 16) return static_cast<int64_t>(index);
  const size_t power = index / 8 - 1;
  return static_cast<int64_t>(((8 + index % 8 + 1) << power) - 1);
}

Histogram::Figures Histogram::take() {
  std::array<uint64_t, kBuckets> counts{};
  Figures figures;
  for (size_t i = 0; i < kBuckets; ++i) {
    counts[i] = buckets_[i].exchange(0, std::memory_order_relaxed);
    figures.count += counts[i];
  }
  figures.max = microseconds(max_.exchange(0, std::memory_order_relaxed));
  const auto quantile = [&](double q) {
    const auto rank = static_cast<uint64_t>(q * static_cast<double>(figures.count));
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += counts[i];
      if (seen > rank) return std::min(microseconds(upper_edge(i)), figures.max);
    }
    return figures.max;
  };
  if (figures.count > 0) {
    figures.p50 = quantile(0.50);
    figures.p99 = quantile(0.99);
  }
  return figures;
}

}  // namespace vedette
