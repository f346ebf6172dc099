#include "media/track_watch.h"

#include <utility>

namespace vedette {

namespace {

constexpr int kAacFrameSamples = 1024;  // ISO/IEC 14496-3, AAC-LC
constexpr int kOtherFrames = 3;
// libavformat's parser of H.265 shows the first message (SEI) of a stream of H.264, and then nothing for long.
constexpr int kOtherFramesInH265 = 1;

}  // namespace

bool PictureWatch::fits(const VideoTrack& track, nal::View frame) {
  const bool fits = !is_of_other_codec(track, frame, others_ > 0);
  others_ = fits ? 0 : others_ + 1;
  return fits;
}

bool PictureWatch::changed(const VideoTrack& track) const {
  return others_ >= (track.codec == VideoCodec::h265 ? kOtherFramesInH265 : kOtherFrames);
}

bool SoundWatch::fits(const AudioTrack& track, nal::View frame) {
  if (track.codec == AudioCodec::aac && !track.extradata.empty()) return true;  // the headers were taken off
  const auto header = sound_header(track.codec, frame);
  if (!std::exchange(begun_, true)) first_ = now_ = header;
  if (!now_ || header == now_) {
    next_.reset();
    return true;
  }
  next_ = header;
  return false;
}

std::optional<AudioTrack> SoundWatch::take_change(const AudioTrack& track) {
  if (!next_) return std::nullopt;
  now_ = std::exchange(next_, std::nullopt);
  AudioTrack changed = track;
  changed.sample_rate_hz = now_->sample_rate_hz;
  changed.channels = now_->channels;
  return changed;
}

void SoundWatch::set_times_right(const AudioTrack& track, AVPacket& packet, AVRational time_base) {
  const auto& newest = next_ ? next_ : now_;
  if (track.codec != AudioCodec::aac || !newest || packet.pts == AV_NOPTS_VALUE) return;
  const bool is_counted = packet.pts == counted_;
  counted_ = packet.pts + packet.duration;
  if (newest->sample_rate_hz != first_->sample_rate_hz) {
    if (is_counted) packet.pts = packet.dts = expected_;
    packet.duration = av_rescale_q(kAacFrameSamples, {1, newest->sample_rate_hz}, time_base);
  }
  expected_ = packet.pts + packet.duration;
}

}  // namespace vedette
