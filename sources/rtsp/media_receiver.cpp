#include "sources/rtsp/media_receiver.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "media/video_probe.h"
#include "sources/rtsp/tracks.h"

namespace vedette::rtsp {

namespace {

// H.264 need not say how far it reorders (bitstream_restriction): so many frames show it.
constexpr int kLookAheadFrames = 3;
constexpr int kMicrosecondsPerSecond = 1'000'000;

}  // namespace

MediaReceiver::Stream::Stream(const Media& media, Depacketiser::OnFrame on_frame)
    : video(media.kind == "video"),
      clock_rate_hz(media.clock_rate_hz),
      receiver(media.clock_rate_hz),
      depacketiser(make_depacketiser(media, std::move(on_frame))) {}

// Since the first packet, without wrapping.
microseconds MediaReceiver::Stream::time_of(uint32_t timestamp) {
  newest_ticks = receiver.unwrap(timestamp);
  newest_timestamp = timestamp;
  return time_at(newest_ticks);
}

// Not in one product: a hostile camera's ticks can be so many that it overflows.
microseconds MediaReceiver::Stream::time_at(int64_t ticks) const {
  return microseconds(ticks / clock_rate_hz * kMicrosecondsPerSecond +
                      ticks % clock_rate_hz * kMicrosecondsPerSecond / clock_rate_hz);
}

MediaReceiver::MediaReceiver(const std::vector<Media>& tracks, const Clock& clock, Push push)
    : push_(std::move(push)),
      now_(clock.mono()),
      last_video_(now_),
      last_of_use_(now_),
      described_(describe(tracks)),
      timeline_(clock) {
  for (size_t i = 0; i < tracks.size(); ++i) {
    streams_.emplace_back(tracks[i], [this, i](const Frame& frame) {
      Stream& stream = streams_[i];
      stream.video ? on_video(stream, frame) : on_audio(stream, frame);
    });
  }
}

void MediaReceiver::take_rtp(size_t track, std::span<const uint8_t> bytes, MonoTime now) {
  now_ = now;
  Stream& stream = streams_[track];
  const auto packet = parse_rtp(bytes);
  if (!packet) return;
  const auto missing = stream.receiver.add(*packet, now_);
  if (missing) stream.depacketiser->add(*packet, *missing);
}

void MediaReceiver::take_rtcp(size_t track, std::span<const uint8_t> bytes, MonoTime now) {
  Stream& stream = streams_[track];
  const Rtcp rtcp = parse_rtcp(bytes);
  // Others may leave: who watches the same group, or a stream of the camera's that this one took the place of.
  const auto is_ours = [&](uint32_t ssrc) { return stream.receiver.is_from(ssrc); };
  if (stream.video && std::any_of(rtcp.ended.begin(), rtcp.ended.end(), is_ours)) ended_by_camera_ = true;
  if (!rtcp.report || !stream.newest_timestamp) return;
  stream.receiver.reported(*rtcp.report, now);
  const auto ticks = stream.newest_ticks + static_cast<int32_t>(rtcp.report->timestamp - *stream.newest_timestamp);
  const microseconds time = stream.time_at(ticks);
  if (stream.video)
    alignment_.on_video_report(rtcp.report->utc(), time);
  else
    alignment_.on_audio_report(rtcp.report->utc(), time);
}

std::vector<uint8_t> MediaReceiver::report(size_t track, MonoTime now) {
  RtpReceiver& receiver = streams_[track].receiver;
  return receiver.packets() > 0 ? receiver.report(now) : std::vector<uint8_t>();
}

// The stream as it is from this keyframe on; false when what it says is of no use.
bool MediaReceiver::follow(const Frame& frame) {
  if (info_) {
    auto changed = changed_video(info_->video, frame.data);
    if (changed) info_ = std::make_shared<const StreamInfo>(StreamInfo{std::move(*changed), info_->audio});
    return true;
  }
  auto probed = probe_video(described_.video, frame.data);
  if (!probed) {
    log::debug("first keyframe", {{"error", probed.error().message}});
    ++unknown_keyframes_;
    return false;
  }
  VideoTimes::Options options;
  options.reorder_frames = probed->reorder_frames;
  options.fps = probed->fps;
  options.live = true;
  options.trust_dts = false;
  options.look_ahead = probed->codec == VideoCodec::h264 ? kLookAheadFrames : 0;
  video_times_.emplace(options);
  info_ = std::make_shared<const StreamInfo>(StreamInfo{std::move(*probed), described_.audio});
  return true;
}

// Whether what this frame builds on was left out.
bool MediaReceiver::is_damaged(const Stream& stream, const Frame& frame) {
  const uint64_t broken = stream.depacketiser->broken_frames() - broken_seen_;
  broken_seen_ += broken;
  lost_frames_ += static_cast<uint32_t>(broken);
  needs_keyframe_ = (needs_keyframe_ || broken > 0) && !frame.keyframe;
  if (needs_keyframe_) ++lost_frames_;
  return needs_keyframe_;
}

void MediaReceiver::on_video(Stream& stream, const Frame& frame) {
  last_video_ = now_;
  const microseconds time = stream.time_of(frame.timestamp);
  alignment_.on_video(time, now_);
  if (is_damaged(stream, frame)) return;
  if (frame.keyframe && !follow(frame)) return;
  if (!info_) return;  // nothing can be decoded yet
  last_of_use_ = now_;
  UntimedPacket untimed;
  untimed.packet.data = Payload::copy_of(frame.data);
  untimed.packet.info = info_;
  untimed.packet.track = Track::video;
  untimed.packet.keyframe = frame.keyframe;
  untimed.packet.camera_utc = alignment_.camera_utc(time);
  untimed.packet.lost_before = std::exchange(lost_frames_, 0);
  untimed.pts = time;
  untimed.arrival = now_;
  video_times_->push(std::move(untimed));
  while (auto packet = video_times_->pop()) hand_out(std::move(packet));
}

void MediaReceiver::on_audio(Stream& stream, const Frame& frame) {
  if (!info_ || !info_->audio) return;
  const auto time = alignment_.on_audio(stream.time_of(frame.timestamp), now_);
  if (!time) return;
  UntimedPacket untimed;
  untimed.packet.data = Payload::copy_of(frame.data);
  untimed.packet.info = info_;
  untimed.packet.track = Track::audio;
  untimed.packet.keyframe = true;
  untimed.pts = *time;
  untimed.arrival = now_;
  hand_out(audio_times_.place(std::move(untimed)));
}

void MediaReceiver::hand_out(std::optional<DemuxedPacket> packet) {
  if (packet) timeline_.add(std::move(*packet), now_, push_);
}

}  // namespace vedette::rtsp
