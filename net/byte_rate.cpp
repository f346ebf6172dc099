#include "net/byte_rate.h"

#include <algorithm>
#include <cmath>

namespace vedette {

namespace {

constexpr double kBurstS = 0.1;
// So much goes at once while a sender keeps up: to send half a burst takes a processor from others for a millisecond.
constexpr double kLeastS = 0.01;
// A few packets on the wire: less at once costs more in calls than it evens out.
constexpr double kLeastBurstBytes = 4096;

double bytes_per_s(int64_t bits_per_s) {
  return static_cast<double>(bits_per_s) / 8;
}

double burst_bytes(int64_t bits_per_s) {
  return std::max(kLeastBurstBytes, bytes_per_s(bits_per_s) * kBurstS);
}

// Below that nothing is given, so that senders are not woken for single bytes.
double least_bytes(int64_t bits_per_s) {
  return std::max(kLeastBurstBytes / 2, bytes_per_s(bits_per_s) * kLeastS);
}

}  // namespace

void ByteRate::fill(int64_t bits_per_s, MonoTime now) {
  // It begins empty.
  const auto passed_us = filled_ == MonoTime{} ? 0 : std::max<int64_t>(0, (now - filled_).count());
  filled_ = now;
  bytes_ = std::min(burst_bytes(bits_per_s), bytes_ + bytes_per_s(bits_per_s) * static_cast<double>(passed_us) / 1e6);
}

size_t ByteRate::take(size_t wanted, MonoTime now) {
  const int64_t limit = bits_per_s_;
  if (limit <= 0) return wanted;
  fill(limit, now);
  const double given = std::min(static_cast<double>(wanted), std::floor(bytes_));
  if (given < std::min(static_cast<double>(wanted), least_bytes(limit))) return 0;
  bytes_ -= given;
  return static_cast<size_t>(given);
}

microseconds ByteRate::until_some(MonoTime now) {
  const int64_t limit = bits_per_s_;
  if (limit <= 0) return 0us;
  fill(limit, now);
  const double missing = least_bytes(limit) - bytes_;
  if (missing <= 0) return 0us;
  return microseconds(static_cast<int64_t>(std::ceil(missing / bytes_per_s(limit) * 1e6)));
}

}  // namespace vedette
