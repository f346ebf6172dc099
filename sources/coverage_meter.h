#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>

#include "core/clock.h"

namespace vedette {

// CoverageMeter tells which share of the last hour had video: seconds with a frame among those since the start, at most
// an hour of them, counted by minutes. Any thread.
class CoverageMeter {
 public:
  explicit CoverageMeter(MonoTime start) : start_(start) {}

  void add(MonoTime now) {
    const int64_t second = std::chrono::floor<seconds>(now).time_since_epoch().count();
    const std::lock_guard lock(mutex_);
    if (second == last_second_) return;
    last_second_ = second;
    Minute& minute = minutes_[static_cast<size_t>(second / 60 % kMinutes)];
    if (minute.number != second / 60) minute = {second / 60, 0};
    ++minute.covered;
  }

  double pct(MonoTime now) {
    const int64_t minute_now = std::chrono::floor<std::chrono::minutes>(now).time_since_epoch().count();
    const std::lock_guard lock(mutex_);
    int64_t covered = 0;
    for (const Minute& minute : minutes_)
      if (minute.number > minute_now - kMinutes) covered += minute.covered;
    const auto second_of = [](MonoTime t) { return std::chrono::floor<seconds>(t).time_since_epoch().count(); };
    const int64_t since_start = second_of(now) - second_of(start_) + 1;
    const int64_t possible = std::min(since_start, (kMinutes - 1) * 60 + second_of(now) % 60 + 1);
    return std::min(100.0, 100.0 * static_cast<double>(covered) / static_cast<double>(possible));
  }

 private:
  static constexpr int64_t kMinutes = 60;
  struct Minute {
    int64_t number = -1;
    int64_t covered = 0;
  };

  const MonoTime start_;
  std::mutex mutex_;
  std::array<Minute, kMinutes> minutes_{};
  int64_t last_second_ = -1;
};

}  // namespace vedette
