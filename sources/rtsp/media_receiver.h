#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "media/packet.h"
#include "media/timeline.h"
#include "sources/rtsp/alignment.h"
#include "sources/rtsp/depacketiser.h"
#include "sources/rtsp/rtp.h"
#include "sources/timeline.h"

namespace vedette::rtsp {

// MediaReceiver makes packets of the RTP and RTCP of a session's tracks, however they came: puts the coded frames
// together and times them. Where a packet of the video is missing, its frame is left out, and so are those that follow,
// which need it, up to the next keyframe: the next packet says how many (Packet::lost_before). Used by one thread.
class MediaReceiver {
 public:
  using Push = std::function<void(Packet)>;

  // A track each, numbered as they stand; one video, and one audio at most.
  MediaReceiver(const std::vector<Media>& tracks, const Clock& clock, Push push);

  // In the order of the sequence numbers; what comes too late is left out.
  void take_rtp(size_t track, std::span<const uint8_t> bytes, MonoTime now);
  void take_rtcp(size_t track, std::span<const uint8_t> bytes, MonoTime now);

  // A receiver report; empty before the first packet.
  std::vector<uint8_t> report(size_t track, MonoTime now);
  // When the newest frame of the video was complete; the beginning, before the first.
  MonoTime last_video() const { return last_video_; }
  // When the newest came that can be decoded; the beginning, before the first.
  MonoTime last_of_use() const { return last_of_use_; }
  // Keyframes that came while nothing told their parameter sets.
  uint32_t unknown_keyframes() const { return unknown_keyframes_; }
  // It said that the video is at its end (RTCP BYE of the stream that the newest packets are of).
  bool ended_by_camera() const { return ended_by_camera_; }

 private:
  struct Stream {
    Stream(const Media& media, Depacketiser::OnFrame on_frame);
    const bool video;
    const int clock_rate_hz;
    RtpReceiver receiver;
    std::unique_ptr<Depacketiser> depacketiser;
    std::optional<uint32_t> newest_timestamp;
    int64_t newest_ticks = 0;
    microseconds time_of(uint32_t timestamp);
    microseconds time_at(int64_t ticks) const;
  };

  void on_video(Stream& stream, const Frame& frame);
  void on_audio(Stream& stream, const Frame& frame);
  bool is_damaged(const Stream& stream, const Frame& frame);
  bool follow(const Frame& frame);
  void hand_out(std::optional<DemuxedPacket> packet);

  const Push push_;
  std::deque<Stream> streams_;
  MonoTime now_;  // when the bytes at hand arrived
  MonoTime last_video_;
  MonoTime last_of_use_;
  uint32_t unknown_keyframes_ = 0;
  bool ended_by_camera_ = false;
  uint64_t broken_seen_ = 0;  // of the video's frames that were left out
  uint32_t lost_frames_ = 0;  // since the last one that was handed out
  bool needs_keyframe_ = false;

  StreamInfo described_;  // by the SDP
  StreamInfoPtr info_;    // nothing before the first keyframe
  std::optional<VideoTimes> video_times_;
  AudioTimes audio_times_{true};
  Alignment alignment_;
  Timeline timeline_;
};

}  // namespace vedette::rtsp
