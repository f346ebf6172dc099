#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>

#include "core/clock.h"

namespace vedette {

// RateMeter measures frames and bits per second over the last kWindow whole seconds, or those since the first packet
// when they are fewer (zero until there was one). Any thread.
class RateMeter {
 public:
  static constexpr int kWindow = 5;  // seconds
  struct Rates {
    double fps = 0;
    int64_t bitrate_bps = 0;
  };

  void add(MonoTime now, bool frame, size_t bytes) {
    const std::lock_guard lock(mutex_);
    Second& second = advance(now);
    if (first_ < 0) first_ = newest_;
    second.frames += frame ? 1 : 0;
    second.bytes += bytes;
  }

  Rates rates(MonoTime now) {
    const std::lock_guard lock(mutex_);
    advance(now);
    // The second of the first packet is not a whole one.
    const int64_t whole = first_ < 0 ? 0 : std::min<int64_t>(kWindow, newest_ - first_ - 1);
    if (whole <= 0) return {};
    uint64_t frames = 0, bytes = 0;
    for (int64_t age = 1; age <= whole; ++age) {
      const Second& second = seconds_[static_cast<size_t>((newest_ + kSlots - age) % kSlots)];
      frames += second.frames;
      bytes += second.bytes;
    }
    return {static_cast<double>(frames) / static_cast<double>(whole), static_cast<int64_t>(bytes * 8) / whole};
  }

 private:
  static constexpr int64_t kSlots = kWindow + 1;
  struct Second {
    uint64_t frames = 0;
    uint64_t bytes = 0;
  };

  // The slot of the running second; those that were passed over are emptied.
  Second& advance(MonoTime now) {
    const int64_t second = std::chrono::floor<seconds>(now).time_since_epoch().count();
    if (second - newest_ >= kSlots) {
      seconds_ = {};
      newest_ = second;
    }
    for (; newest_ < second; ++newest_) seconds_[static_cast<size_t>((newest_ + 1) % kSlots)] = {};
    return seconds_[static_cast<size_t>(newest_ % kSlots)];
  }

  std::mutex mutex_;
  std::array<Second, kSlots> seconds_{};
  int64_t newest_ = 0;  // the second that is being counted
  int64_t first_ = -1;  // the second of the first packet
};

}  // namespace vedette
