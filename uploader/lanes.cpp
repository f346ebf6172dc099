#include "uploader/lanes.h"

#include <algorithm>

namespace vedette {

namespace {

constexpr microseconds kWindow = 2s;
constexpr microseconds kContent = 60s;  // before another try
constexpr double kWorthIt = 1.1;

}  // namespace

void Lanes::begin_window(int64_t sent_bytes, MonoTime now) {
  measuring_ = true;
  window_begin_ = now;
  window_sent_bytes_ = sent_bytes;
}

void Lanes::measure(int64_t sent_bytes, int in_use, MonoTime now) {
  if (in_use < allowed_) {
    measuring_ = false;  // it is not we who are too few
    return;
  }
  if (!measuring_) return begin_window(sent_bytes, now);
  const microseconds passed = now - window_begin_;
  if (passed < kWindow) return;
  judge(static_cast<double>(sent_bytes - window_sent_bytes_) * 1e6 / static_cast<double>(passed.count()), now);
  begin_window(sent_bytes, now);
}

void Lanes::judge(double bytes_per_s, MonoTime now) {
  if (trying_ && bytes_per_s < rate_without_ * kWorthIt) {
    --allowed_;
    trying_ = false;
    no_more_before_ = now + kContent;
    return;
  }
  trying_ = allowed_ < kMost && now >= no_more_before_;
  if (!trying_) return;
  rate_without_ = bytes_per_s;
  ++allowed_;
}

void Lanes::congested(MonoTime now) {
  allowed_ = std::max(1, allowed_ / 2);
  trying_ = false;
  measuring_ = false;
  no_more_before_ = now + kContent;
}

}  // namespace vedette
