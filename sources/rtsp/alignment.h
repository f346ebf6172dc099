#pragma once

#include <optional>

#include "core/clock.h"

namespace vedette::rtsp {

// Alignment puts the audio of a session on the timeline of its video. Both count from anywhere; what they have in
// common is told by the sender reports, which come seconds after the beginning. Until then the first audio packet
// belongs to when it arrived. What the reports say is approached by 10 % of the audio's time while it is more than 20
// ms off and by 0.5 % below: nothing jumps, so no packet is lost by it, and clocks that drift apart stay together.
// Reports that are more than 2 s off are not believed: camera clocks step. Used by one thread.
class Alignment {
 public:
  static constexpr microseconds kMostOff = 2s;

  // The newest video frame: its time, and when it arrived.
  void on_video(microseconds time, MonoTime arrival);
  // What a report says of a track: the time of the track at that instant of the camera's clock.
  void on_video_report(UtcTime utc, microseconds time);
  void on_audio_report(UtcTime utc, microseconds time);
  // What the camera's clock showed at a time of the video, by the newest report; nothing before the first.
  std::optional<UtcTime> camera_utc(microseconds video_time) const;

  // An audio time on the video's timeline; nothing while no video has come.
  std::optional<microseconds> on_audio(microseconds time, MonoTime arrival);

 private:
  struct Report {
    UtcTime utc;
    microseconds time;
  };
  void compare();

  std::optional<microseconds> video_time_;
  MonoTime video_arrival_;
  std::optional<Report> video_report_, audio_report_;
  std::optional<microseconds> offset_;  // from audio to video
  std::optional<microseconds> aim_;     // what the reports say it should be
  std::optional<microseconds> last_audio_;
};

}  // namespace vedette::rtsp
