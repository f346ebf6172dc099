#pragma once

#include <cstdint>

namespace vedette {

// How an object is cut into parts: all of one size, but for the last one, which may be smaller. Numbers begin with 1.
struct PartPlan {
  int64_t total_bytes = 0;
  int64_t part_size_bytes = 1;

  int parts() const;
  int64_t offset(int number) const { return (number - 1) * part_size_bytes; }
  int64_t size(int number) const;
};

// The limits of S3: every part but the last has at least 5 MiB, an object at most 10,000 parts.
inline constexpr int64_t kLeastPartBytes = 5LL << 20;
inline constexpr int kMostParts = 10'000;

// The configured size, unless the object would have too many parts; or a smaller one, so that a part takes no longer
// than a minute at the measured rate (0: not known): less is lost with it then, and its signature is not too old.
PartPlan plan_parts(int64_t total_bytes, int64_t configured_bytes, int64_t bits_per_s);

// Whether an object goes in one request. On a slow way one that could goes in parts: as a whole it would take minutes,
// and begin at its first byte again after each break.
bool goes_in_one(int64_t total_bytes, int64_t configured_bytes, int64_t bits_per_s);

}  // namespace vedette
