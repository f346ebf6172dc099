#include "uploader/lanes.h"

#include <algorithm>

namespace vedette {

namespace {

constexpr microseconds kGlance = 100ms;
constexpr microseconds kWindow = 2s;
constexpr microseconds kContent = 60s;  // before another try
constexpr int kWorthItPercent = 110;

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
  if (passed < kGlance) return;
  const int64_t rate = (sent_bytes - window_sent_bytes_) * 1'000'000 / passed.count();
  if (rate >= kMuch && !trying_ && allowed_ < kMost && now >= no_more_before_) {
    ++allowed_;
    return begin_window(sent_bytes, now);
  }
  if (passed < kWindow) return;
  judge(rate, now);
  begin_window(sent_bytes, now);
}

void Lanes::judge(int64_t bytes_per_s, MonoTime now) {
  if (trying_ && bytes_per_s * 100 < rate_without_ * kWorthItPercent) {
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
