#include "sources/rtsp/alignment.h"

#include <algorithm>

namespace vedette::rtsp {

namespace {

constexpr int kSlewDivisor = 200;  // 0.5 %

}  // namespace

void Alignment::on_video(microseconds time, MonoTime arrival) {
  video_time_ = time;
  video_arrival_ = arrival;
}

void Alignment::on_video_report(UtcTime utc, microseconds time) {
  video_report_ = Report{utc, time};
  compare();
}

void Alignment::on_audio_report(UtcTime utc, microseconds time) {
  audio_report_ = Report{utc, time};
  compare();
}

void Alignment::compare() {
  if (!video_report_ || !audio_report_ || !offset_) return;
  const auto between = std::chrono::duration_cast<microseconds>(audio_report_->utc - video_report_->utc);
  const microseconds wanted = video_report_->time + between - audio_report_->time;
  if (std::chrono::abs(wanted - *offset_) > kMostOff) return;
  aim_ = wanted;
}

std::optional<microseconds> Alignment::on_audio(microseconds time, MonoTime arrival) {
  if (!video_time_) return std::nullopt;
  if (!offset_) {
    offset_ = *video_time_ + (arrival - video_arrival_) - time;
    compare();
  }
  if (aim_ && !aligned_) {
    offset_ = aim_;
    aligned_ = true;
  }
  if (aim_ && last_audio_) {
    const microseconds most = std::max<microseconds>(time - *last_audio_, 0us) / kSlewDivisor;
    *offset_ += std::clamp(*aim_ - *offset_, -most, most);
  }
  last_audio_ = time;
  return time + *offset_;
}

}  // namespace vedette::rtsp
