#include "media/libav.h"

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <mutex>
#include <span>
#include <string_view>

#include "core/log.h"

namespace vedette::libav {

namespace {

constexpr int kAacFrameSamples = 1024;  // ISO/IEC 14496-3, AAC-LC
constexpr int kMp3FrameSamples = 1152;  // ISO/IEC 11172-3, layer III
constexpr int kG711Bits = 8;

struct VideoId {
  VideoCodec ours;
  AVCodecID theirs;
};
constexpr VideoId kVideoIds[] = {
    {VideoCodec::h264, AV_CODEC_ID_H264},
    {VideoCodec::h265, AV_CODEC_ID_HEVC},
    {VideoCodec::mpeg4, AV_CODEC_ID_MPEG4},
    {VideoCodec::mjpeg, AV_CODEC_ID_MJPEG},
};

struct AudioId {
  AudioCodec ours;
  AVCodecID theirs;
};
constexpr AudioId kAudioIds[] = {
    {AudioCodec::aac, AV_CODEC_ID_AAC},       {AudioCodec::pcmu, AV_CODEC_ID_PCM_MULAW},
    {AudioCodec::pcma, AV_CODEC_ID_PCM_ALAW}, {AudioCodec::mp3, AV_CODEC_ID_MP3},
    {AudioCodec::opus, AV_CODEC_ID_OPUS},
};

void set_extradata(std::span<const uint8_t> extradata, AVCodecParameters* parameters) {
  av_freep(&parameters->extradata);
  parameters->extradata_size = 0;
  if (extradata.empty()) return;
  parameters->extradata = static_cast<uint8_t*>(av_mallocz(extradata.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  if (!parameters->extradata) return;
  std::memcpy(parameters->extradata, extradata.data(), extradata.size());
  parameters->extradata_size = static_cast<int>(extradata.size());
}

int frame_samples(AudioCodec codec) {
  if (codec == AudioCodec::aac) return kAacFrameSamples;
  if (codec == AudioCodec::mp3) return kMp3FrameSamples;
  return 0;
}

double fps_of(const AVStream& stream) {
  return stream.avg_frame_rate.den > 0 ? std::max(0.0, av_q2d(stream.avg_frame_rate)) : 0.0;
}

std::vector<uint8_t> extradata_of(const AVCodecParameters& parameters) {
  if (parameters.extradata_size <= 0) return {};
  return {parameters.extradata, parameters.extradata + parameters.extradata_size};
}

// Called from any thread, capture threads included. libav often builds one line from several calls, which are shown as
// they come; that is enough for a debug log.
void log_line(void* context, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_WARNING || !log::enabled(log::Level::debug)) return;
  std::array<char, 1024> line{};
  int print_prefix = 1;
  av_log_format_line2(context, level, format, arguments, line.data(), line.size(), &print_prefix);
  std::string_view text(line.data());
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (!text.empty()) log::debug("libav", {{"text", text}});
}

}  // namespace

Payload payload_of(PacketPtr packet) {
  constexpr size_t kSmallBytes = 1024;
  const std::span<const uint8_t> bytes(packet->data, static_cast<size_t>(packet->size));
  if (!packet->buf || bytes.size() <= kSmallBytes) return Payload::copy_of(bytes);
  AVBufferRef* buffer = std::exchange(packet->buf, nullptr);
  return {{bytes.data(), [buffer](const uint8_t*) mutable { av_buffer_unref(&buffer); }}, bytes.size()};
}

std::optional<UtcTime> camera_utc_of(const AVPacket& packet) {
  size_t size = 0;
  const uint8_t* data = av_packet_get_side_data(&packet, AV_PKT_DATA_PRFT, &size);
  AVProducerReferenceTime reference{};
  if (!data || size < sizeof reference) return std::nullopt;
  std::memcpy(&reference, data, sizeof reference);
  return UtcTime(microseconds(reference.wallclock));
}

std::optional<microseconds> to_us(int64_t time, AVRational time_base) {
  if (time == AV_NOPTS_VALUE) return std::nullopt;
  return microseconds(av_rescale_q(time, time_base, kMicroseconds));
}

std::string error_text(int error) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(error, text.data(), text.size());
  return text.data();
}

Code code_of(int error) {
  switch (error) {
    case AVERROR_HTTP_UNAUTHORIZED:
    case AVERROR_HTTP_FORBIDDEN:
    case AVERROR(EACCES):
    case AVERROR(EPERM):
      return Code::forbidden;
    case AVERROR_HTTP_NOT_FOUND:
    case AVERROR(ENOENT):
      return Code::not_found;
    // libavformat keeps RTSP's 453 and 503 apart from nothing else than the other numbers of their hundred.
    case AVERROR_HTTP_OTHER_4XX:
    case AVERROR_HTTP_SERVER_ERROR:
    case AVERROR(EBUSY):
      return Code::busy;
    case AVERROR(ETIMEDOUT):
      return Code::timed_out;
    case AVERROR_EXIT:
      return Code::cancelled;
    case AVERROR_EOF:
    case AVERROR(EIO):  // a name that is not known, too
    case AVERROR(EPIPE):
    case AVERROR(ECONNREFUSED):
    case AVERROR(ECONNRESET):
    case AVERROR(ECONNABORTED):
    case AVERROR(EHOSTUNREACH):
    case AVERROR(ENETUNREACH):
    case AVERROR(ENETDOWN):
    case AVERROR_HTTP_BAD_REQUEST:
      return Code::camera_unavailable;
    case AVERROR(ENOSPC):
      return Code::no_space;
    case AVERROR_INVALIDDATA:
    case AVERROR_PATCHWELCOME:
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_DECODER_NOT_FOUND:
    case AVERROR_ENCODER_NOT_FOUND:
    case AVERROR_PROTOCOL_NOT_FOUND:
    case AVERROR_STREAM_NOT_FOUND:
    case AVERROR(EPROTONOSUPPORT):
    case AVERROR(ENOSYS):
      return Code::unsupported;
    default:
      return Code::internal;
  }
}

AVCodecID codec_id(VideoCodec codec) {
  for (const VideoId& id : kVideoIds)
    if (id.ours == codec) return id.theirs;
  return AV_CODEC_ID_NONE;
}

AVCodecID codec_id(AudioCodec codec) {
  for (const AudioId& id : kAudioIds)
    if (id.ours == codec) return id.theirs;
  return AV_CODEC_ID_NONE;
}

std::optional<VideoCodec> video_codec(AVCodecID id) {
  for (const VideoId& known : kVideoIds)
    if (known.theirs == id) return known.ours;
  return std::nullopt;
}

std::optional<AudioCodec> audio_codec(AVCodecID id) {
  for (const AudioId& known : kAudioIds)
    if (known.theirs == id) return known.ours;
  return std::nullopt;
}

void to_parameters(const VideoTrack& track, AVCodecParameters* parameters) {
  parameters->codec_type = AVMEDIA_TYPE_VIDEO;
  parameters->codec_id = codec_id(track.codec);
  parameters->width = track.width_px;
  parameters->height = track.height_px;
  parameters->video_delay = track.reorder_frames;
  set_extradata(track.extradata, parameters);
}

void to_parameters(const AudioTrack& track, AVCodecParameters* parameters) {
  parameters->codec_type = AVMEDIA_TYPE_AUDIO;
  parameters->codec_id = codec_id(track.codec);
  parameters->sample_rate = track.sample_rate_hz;
  parameters->frame_size = frame_samples(track.codec);
  if (track.codec == AudioCodec::pcmu || track.codec == AudioCodec::pcma) parameters->bits_per_coded_sample = kG711Bits;
  av_channel_layout_uninit(&parameters->ch_layout);
  av_channel_layout_default(&parameters->ch_layout, track.channels);
  set_extradata(track.extradata, parameters);
}

Result<VideoTrack> video_track(const AVStream& stream) {
  const AVCodecParameters& parameters = *stream.codecpar;
  const auto codec = video_codec(parameters.codec_id);
  if (!codec)
    return fail(Code::unsupported,
                std::string("video codec ") + avcodec_get_name(parameters.codec_id) + " is not supported");
  VideoTrack track;
  track.codec = *codec;
  track.width_px = parameters.width;
  track.height_px = parameters.height;
  track.fps = fps_of(stream);
  track.reorder_frames = std::max(0, parameters.video_delay);
  track.extradata = extradata_of(parameters);
  return track;
}

std::optional<AudioTrack> audio_track(const AVStream& stream) {
  const AVCodecParameters& parameters = *stream.codecpar;
  const auto codec = audio_codec(parameters.codec_id);
  if (!codec || parameters.sample_rate <= 0 || parameters.ch_layout.nb_channels <= 0) return std::nullopt;
  return AudioTrack{*codec, parameters.sample_rate, parameters.ch_layout.nb_channels, extradata_of(parameters)};
}

void route_log() {
  static std::once_flag once;
  std::call_once(once, [] {
    av_log_set_level(AV_LOG_WARNING);
    av_log_set_callback(log_line);
  });
}

}  // namespace vedette::libav
