#include "uploader/part_plan.h"

#include <algorithm>

namespace vedette {

namespace {

constexpr int64_t kLongestPartS = 60;
constexpr int64_t kStep = 1LL << 20;

int64_t divide_up(int64_t value, int64_t by) {
  return (value + by - 1) / by;
}

}  // namespace

int PartPlan::parts() const {
  return static_cast<int>(std::max<int64_t>(1, divide_up(total_bytes, part_size_bytes)));
}

int64_t PartPlan::size(int number) const {
  return std::min(part_size_bytes, total_bytes - offset(number));
}

PartPlan plan_parts(int64_t total_bytes, int64_t configured_bytes, int64_t bits_per_s) {
  int64_t size = configured_bytes;
  if (bits_per_s > 0) size = std::min(size, bits_per_s / 8 * kLongestPartS / kStep * kStep);
  size = std::max(size, kLeastPartBytes);
  if (divide_up(total_bytes, size) > kMostParts) size = divide_up(divide_up(total_bytes, kMostParts), kStep) * kStep;
  return {total_bytes, size};
}

bool goes_in_one(int64_t total_bytes, int64_t configured_bytes, int64_t bits_per_s) {
  return total_bytes <= configured_bytes && plan_parts(total_bytes, configured_bytes, bits_per_s).parts() == 1;
}

}  // namespace vedette
