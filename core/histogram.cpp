#include "core/histogram.h"

#include <algorithm>
#include <bit>

namespace vedette {

namespace {

int64_t upper_edge(size_t index) {
  if (index < 16) return static_cast<int64_t>(index);
  const size_t power = index / 8 - 1;
  return static_cast<int64_t>(((8 + index % 8 + 1) << power) - 1);
}

}  // namespace

// Values below 8 have a bucket each; above, every power of two is cut into 8.
size_t Histogram::index(uint64_t us) {
  if (us < 8) return us;
  const auto power = static_cast<size_t>(std::bit_width(us)) - 4;  // us >> power is 8..15
  return std::min(kBuckets - 1, power * 8 + (us >> power));
}

Histogram::Totals Histogram::totals() const {
  Totals totals;
  size_t edge = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    while (edge < kEdges && i == index(static_cast<uint64_t>(kFirstEdge.count()) << edge))
      totals.below[edge++] = totals.count;
    totals.count += buckets_[i].load(std::memory_order_relaxed);
  }
  totals.sum = microseconds(sum_us_.load(std::memory_order_relaxed));
  return totals;
}

Histogram::Figures HistogramWindow::next() {
  std::array<uint64_t, Histogram::kBuckets> counts{};
  Histogram::Figures figures;
  size_t highest = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const uint64_t now = histogram_->buckets_[i].load(std::memory_order_relaxed);
    counts[i] = now - seen_[i];
    seen_[i] = now;
    figures.count += counts[i];
    if (counts[i] > 0) highest = i;
  }
  const uint64_t sum = histogram_->sum_us_.load(std::memory_order_relaxed);
  const auto added = static_cast<int64_t>(sum - seen_sum_us_);
  seen_sum_us_ = sum;
  if (figures.count == 0) return figures;
  figures.mean = microseconds(added / static_cast<int64_t>(figures.count));
  figures.max = microseconds(upper_edge(highest));
  const auto quantile = [&](double q) {
    const auto rank = static_cast<uint64_t>(q * static_cast<double>(figures.count));
    uint64_t seen = 0;
    size_t i = 0;
    while (i < highest && (seen += counts[i]) <= rank) ++i;
    return microseconds(upper_edge(i));
  };
  figures.p50 = quantile(0.50);
  figures.p99 = quantile(0.99);
  return figures;
}

}  // namespace vedette
