#include "uploader/throughput.h"

namespace vedette {

namespace {

constexpr microseconds kStep = 500ms;    // what lies closer together says nothing new
constexpr microseconds kLeastSpan = 2s;  // a kernel takes the first megabytes at once, wherever they go

}  // namespace

void Throughput::sample(int64_t sent_bytes, bool busy, MonoTime now) {
  busy_ = busy;
  if (!busy) return samples_.clear();
  if (samples_.empty() || now - samples_.back().at >= kStep) samples_.push_back({now, sent_bytes});
  while (samples_.size() > 2 && now - samples_[1].at >= kWindow) samples_.pop_front();
  const Sample& first = samples_.front();
  if (now - first.at < kLeastSpan) return;
  rate_ = static_cast<int64_t>(static_cast<double>(sent_bytes - first.sent_bytes) * 8e6 /
                               static_cast<double>((now - first.at).count()));
}

}  // namespace vedette
