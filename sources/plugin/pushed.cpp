#include "sources/plugin/pushed.h"

#include <cmath>
#include <utility>

#include "media/annex_b.h"
#include "media/packet.h"
#include "sources/plugin/vedette_source.h"

namespace vedette::plugin {

namespace {

constexpr size_t kMostExtradata = 64;
constexpr uint32_t kLeastRateHz = 8'000, kMostRateHz = 192'000, kMostChannels = 8;
constexpr double kMostFps = 1'000;
constexpr int64_t kMostMicroseconds = int64_t{1} << 53;  // 285 years: anything beyond is no time

std::optional<VideoCodec> video_codec(uint32_t codec) {
  switch (codec) {
    case VEDETTE_SOURCE_H264:
      return VideoCodec::h264;
    case VEDETTE_SOURCE_H265:
      return VideoCodec::h265;
    case VEDETTE_SOURCE_MJPEG:
      return VideoCodec::mjpeg;
    default:
      return std::nullopt;
  }
}

std::optional<AudioCodec> audio_codec(uint32_t codec) {
  switch (codec) {
    case VEDETTE_SOURCE_AAC:
      return AudioCodec::aac;
    case VEDETTE_SOURCE_PCMU:
      return AudioCodec::pcmu;
    case VEDETTE_SOURCE_PCMA:
      return AudioCodec::pcma;
    default:
      return std::nullopt;
  }
}

Result<AudioTrack> audio_of(const vedette_source_streams& streams) {
  const auto codec = audio_codec(streams.audio_codec);
  if (!codec) return fail(Code::invalid_argument, "audio codec " + std::to_string(streams.audio_codec));
  if (streams.audio_sample_rate_hz < kLeastRateHz || streams.audio_sample_rate_hz > kMostRateHz ||
      streams.audio_channels < 1 || streams.audio_channels > kMostChannels)
    return fail(Code::invalid_argument, "audio of a sample rate or of channels that cannot be");
  if (streams.audio_extradata_bytes > kMostExtradata || (streams.audio_extradata_bytes > 0 && !streams.audio_extradata))
    return fail(Code::invalid_argument, "audio extradata of a size that cannot be");
  AudioTrack track;
  track.codec = *codec;
  track.sample_rate_hz = static_cast<int>(streams.audio_sample_rate_hz);
  track.channels = static_cast<int>(streams.audio_channels);
  if (streams.audio_extradata_bytes > 0)
    track.extradata.assign(streams.audio_extradata, streams.audio_extradata + streams.audio_extradata_bytes);
  if (track.codec == AudioCodec::aac && track.extradata.size() < 2)
    return fail(Code::invalid_argument, "AAC without its AudioSpecificConfig");
  return track;
}

bool is_time(int64_t us) {
  return us > -kMostMicroseconds && us < kMostMicroseconds;
}

}  // namespace

// With the lock held.
Status PushQueue::refuse(std::string reason) {
  if (refused_++ == 0) why_refused_ = reason;
  if (refused_ >= kMostRefused) {
    woken_ = true;
    changed_.notify_all();
  }
  return fail(Code::invalid_argument, std::move(reason));
}

Status PushQueue::push(const vedette_source_streams* streams) {
  const std::lock_guard lock(mutex_);
  if (closed_) return fail(Code::camera_unavailable, "the session ends");
  if (!streams || streams->size < sizeof *streams) return refuse("streams that are NULL or too short");
  Streams made;
  const auto codec = video_codec(streams->video_codec);
  if (!codec) return refuse("video codec " + std::to_string(streams->video_codec));
  made.video.codec = *codec;
  if (std::isfinite(streams->video_fps) && streams->video_fps > 0 && streams->video_fps < kMostFps)
    made.video.fps = streams->video_fps;
  if (streams->audio_codec != 0) {
    auto audio = audio_of(*streams);
    if (!audio) return refuse(audio.error().message);
    made.audio = std::move(*audio);
  }
  if (!streams_ || made != *streams_) streams_ = std::make_shared<const Streams>(std::move(made));
  return {};
}

Status PushQueue::check(const vedette_source_packet& packet) const {
  const bool audio = (packet.flags & VEDETTE_SOURCE_AUDIO) != 0;
  const auto no = [](const char* reason) { return fail(Code::invalid_argument, reason); };
  if (!streams_) return no("a packet before the streams");
  if (audio && !streams_->audio) return no("audio of a stream that has none");
  if (!packet.data || packet.data_bytes == 0) return no("a packet without data");
  if (packet.data_bytes > (audio ? kMostAudioBytes : kMostVideoBytes)) return no("a packet that is too large");
  if (!is_time(packet.pts_us) || !is_time(packet.dts_us)) return no("times that cannot be");
  if (packet.pts_us < packet.dts_us || microseconds(packet.pts_us - packet.dts_us) > kMostReordering)
    return no("pts earlier than dts, or later by more than 2 s");
  const auto& last = last_dts_[audio ? 1 : 0];
  if (last && microseconds(packet.dts_us) == *last) return no("the same dts twice");
  const std::span<const uint8_t> data(packet.data, packet.data_bytes);
  const VideoCodec codec = streams_->video.codec;
  if (!audio && codec != VideoCodec::mjpeg && !is_byte_stream(data)) return no("video that is not in Annex B");
  if (!audio && codec == VideoCodec::mjpeg && (data.size() < 2 || data[0] != 0xff || data[1] != 0xd8))
    return no("video that is no JPEG");
  return {};
}

Status PushQueue::push(const vedette_source_packet* packet, MonoTime arrival) {
  const std::lock_guard lock(mutex_);
  if (closed_) return fail(Code::camera_unavailable, "the session ends");
  if (!packet || packet->size < sizeof *packet) return refuse("a packet that is NULL or too short");
  if (auto good = check(*packet); !good) return refuse(good.error().message);
  const std::span<const uint8_t> data(packet->data, packet->data_bytes);
  Pushed out;
  out.streams = streams_;
  out.track = (packet->flags & VEDETTE_SOURCE_AUDIO) != 0 ? Track::audio : Track::video;
  out.pts = microseconds(packet->pts_us);
  out.dts = microseconds(packet->dts_us);
  out.arrival = arrival;
  last_dts_[out.track == Track::audio ? 1 : 0] = out.dts;
  const VideoCodec codec = streams_->video.codec;
  const bool keyframe = codec == VideoCodec::mjpeg || begins_decoding(codec, data);
  const bool full = queue_.size() >= kMostPackets || bytes_ + data.size() > kMostBytes;
  if (out.track == Track::audio) {
    if (full) return {};
  } else if (full || (dropping_ && !keyframe)) {
    dropping_ = true;
    ++lost_;
    return {};
  } else {
    dropping_ = false;
    out.lost_before = std::exchange(lost_, 0);
  }
  out.data = Payload::copy_of(data);
  bytes_ += data.size();
  queue_.push_back(std::move(out));
  changed_.notify_all();
  return {};
}

std::optional<Pushed> PushQueue::take(MonoTime deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, deadline, [this] { return closed_ || woken_ || !queue_.empty(); });
  woken_ = false;
  if (closed_ || queue_.empty() || stop.stop_requested()) return std::nullopt;
  Pushed out = std::move(queue_.front());
  queue_.pop_front();
  bytes_ -= out.data.view().size();
  return out;
}

void PushQueue::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void PushQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  queue_.clear();
  changed_.notify_all();
}

int PushQueue::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

std::string PushQueue::why_refused() const {
  const std::lock_guard lock(mutex_);
  return why_refused_;
}

}  // namespace vedette::plugin
