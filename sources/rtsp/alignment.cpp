#include "sources/rtsp/alignment.h"

#include <algorithm>

namespace vedette::rtsp {

namespace {

constexpr microseconds kFarOff = 20ms;
constexpr int kFastDivisor = 10;   // 10 % of the audio's time
constexpr int kSlowDivisor = 200;  // 0.5 %

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

std::optional<UtcTime> Alignment::camera_utc(microseconds video_time) const {
  if (!video_report_) return std::nullopt;
  return video_report_->utc + (video_time - video_report_->time);
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
  if (aim_ && last_audio_) {
    const microseconds off = *aim_ - *offset_;
    const microseconds most = std::max<microseconds>(time - *last_audio_, 0us) /
                              (std::chrono::abs(off) > kFarOff ? kFastDivisor : kSlowDivisor);
    *offset_ += std::clamp(off, -most, most);
  }
  last_audio_ = time;
  return time + *offset_;
}

}  // namespace vedette::rtsp
