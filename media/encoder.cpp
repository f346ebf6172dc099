#include "media/encoder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "media/hardware_encoder.h"
#include "media/libav.h"

namespace vedette {

namespace {

// The rate control may run ahead of the bit rate by this much of a second, so that a keyframe fits.
constexpr int kRateBufferSeconds = 1;

void copy_plane(const std::vector<uint8_t>& from, int width, int height, uint8_t* to, int to_stride) {
  for (int row = 0; row < height; ++row)
    std::copy_n(from.data() + static_cast<ptrdiff_t>(row) * width, width, to + static_cast<ptrdiff_t>(row) * to_stride);
}

// U and V as NV12 has them: one plane, in turns.
void interleave(const Picture& picture, uint8_t* to, int to_stride) {
  const int width = picture.width_px / 2, height = picture.height_px / 2;
  for (int row = 0; row < height; ++row) {
    uint8_t* out = to + static_cast<ptrdiff_t>(row) * to_stride;
    const auto first = static_cast<size_t>(row) * static_cast<size_t>(width);
    for (size_t i = first; i < first + static_cast<size_t>(width); ++i) {
      *out++ = picture.u[i];
      *out++ = picture.v[i];
    }
  }
}

bool has_size(const Picture& picture, int width, int height) {
  const size_t luma = static_cast<size_t>(width) * static_cast<size_t>(height);
  return picture.width_px == width && picture.height_px == height && picture.y.size() == luma &&
         picture.u.size() == luma / 4 && picture.v.size() == luma / 4;
}

// The next packet that the encoder has ready; null when it wants more input first.
Result<libav::PacketPtr> receive(AVCodecContext* encoder) {
  libav::PacketPtr packet(av_packet_alloc());
  if (!packet) return fail(Code::internal, "out of memory");
  const int error = avcodec_receive_packet(encoder, packet.get());
  if (error == AVERROR(EAGAIN)) return libav::PacketPtr();
  if (error < 0) return fail(Code::internal, "encoding: " + libav::error_text(error));
  return packet;
}

Packet as_packet(libav::PacketPtr packet, Track track) {
  Packet out;
  out.track = track;
  out.keyframe = track == Track::audio || (packet->flags & AV_PKT_FLAG_KEY) != 0;
  out.data = libav::payload_of(std::move(packet));
  return out;
}

std::vector<uint8_t> extradata_of(const AVCodecContext& encoder) {
  return {encoder.extradata, encoder.extradata + encoder.extradata_size};
}

Result<libav::CodecPtr> allocate(const AVCodec* codec, const char* name) {
  if (!codec) return fail(Code::unsupported, std::string("libavcodec was built without ") + name);
  libav::CodecPtr encoder(avcodec_alloc_context3(codec));
  if (!encoder) return fail(Code::internal, "out of memory");
  encoder->thread_count = 1;
  encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;  // parameter sets into the extradata, where MP4 wants them
  return encoder;
}

}  // namespace

struct VideoEncoder::Impl {
  Result<libav::FramePtr> frame_of(const Picture& picture) const;

  libav::CodecPtr encoder;
  AVPixelFormat format = AV_PIX_FMT_YUV420P;  // of the pictures that it is given
  VideoTrack track;
};

namespace {

int profile_number(const std::string& profile) {
  if (profile == "baseline") return FF_PROFILE_H264_CONSTRAINED_BASELINE;
  return profile == "main" ? FF_PROFILE_H264_MAIN : FF_PROFILE_H264_HIGH;
}

// Constant quality, as far as the bit rate allows; or the bit rate on average.
libav::Dictionary software_settings(const VideoEncoder::Options& options, AVCodecContext& context) {
  libav::Dictionary settings;
  settings.set("preset", options.preset);
  settings.set("tune", "zerolatency");
  settings.set("sc_threshold", "0");  // keyframes come evenly, as of other cameras, and not when a light goes on
  if (!options.profile.empty()) settings.set("profile", options.profile);
  if (options.crf > 0) {
    settings.set("crf", std::to_string(options.crf));
    context.bit_rate = 0;
    context.rc_buffer_size /= 2;  // so that the most is kept to within a tenth over five seconds
  }
  return settings;
}

// What libavcodec's encoders in hardware have of it. Unknown settings are left over, not an error.
libav::Dictionary hardware_settings(const VideoEncoder::Options& options, AVCodecContext& context) {
  libav::Dictionary settings;
  settings.set("async_depth", "1");  // VA-API: no frames in the pipe
  settings.set("delay", "0");        // NVENC: the same
  settings.set("zerolatency", "1");
  context.bit_rate = options.bitrate_bps / 4 * 3;  // variable, below the most
  if (!options.profile.empty()) context.profile = profile_number(options.profile);
  return settings;
}

}  // namespace

Result<std::unique_ptr<VideoEncoder>> VideoEncoder::create(const Options& options) {
  libav::route_log();
  const bool even = options.width_px % 2 == 0 && options.height_px % 2 == 0;
  if (!even || options.width_px <= 0 || options.height_px <= 0 || options.fps <= 0 || options.gop_frames <= 0)
    return fail(Code::invalid_argument, "width and height must be even, fps and GOP at least 1");
  auto encoder = allocate(avcodec_find_encoder_by_name(options.encoder.c_str()), options.encoder.c_str());
  if (!encoder) return encoder.error_as_is();
  AVCodecContext& context = **encoder;
  const bool software = options.encoder == "libx264";
  auto impl = std::make_unique<Impl>();
  impl->format = software ? AV_PIX_FMT_YUV420P : libav::input_format(*context.codec);
  if (impl->format == AV_PIX_FMT_NONE) return fail(Code::unsupported, options.encoder + " takes no 4:2:0 pictures");
  context.width = options.width_px;
  context.height = options.height_px;
  context.pix_fmt = impl->format;
  context.time_base = {1, options.fps};
  context.framerate = {options.fps, 1};
  context.gop_size = options.gop_frames;
  context.max_b_frames = 0;
  context.bit_rate = context.rc_max_rate = options.bitrate_bps;
  context.rc_buffer_size = options.bitrate_bps * kRateBufferSeconds;
  libav::Dictionary settings = software ? software_settings(options, context) : hardware_settings(options, context);
  if (!software)
    if (auto attached = libav::attach_device(context); !attached) return attached.error_with(options.encoder);
  const int error = avcodec_open2(&context, context.codec, settings.address());
  if (error < 0)
    return fail(Code::internal, "opening the video encoder " + options.encoder + ": " + libav::error_text(error));

  impl->track.width_px = options.width_px;
  impl->track.height_px = options.height_px;
  impl->track.fps = options.fps;
  impl->track.extradata = extradata_of(context);
  impl->encoder = std::move(*encoder);
  return std::unique_ptr<VideoEncoder>(new VideoEncoder(std::move(impl)));
}

VideoEncoder::VideoEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VideoEncoder::~VideoEncoder() = default;

const VideoTrack& VideoEncoder::track() const {
  return impl_->track;
}

Result<libav::FramePtr> VideoEncoder::Impl::frame_of(const Picture& picture) const {
  libav::FramePtr frame(av_frame_alloc());
  if (!frame) return fail(Code::internal, "out of memory");
  frame->format = format;
  frame->width = picture.width_px;
  frame->height = picture.height_px;
  if (av_frame_get_buffer(frame.get(), 0) < 0) return fail(Code::internal, "out of memory");
  const int width = picture.width_px, height = picture.height_px;
  copy_plane(picture.y, width, height, frame->data[0], frame->linesize[0]);
  if (format == AV_PIX_FMT_NV12) {
    interleave(picture, frame->data[1], frame->linesize[1]);
    return frame;
  }
  copy_plane(picture.u, width / 2, height / 2, frame->data[1], frame->linesize[1]);
  copy_plane(picture.v, width / 2, height / 2, frame->data[2], frame->linesize[2]);
  return frame;
}

Result<Packet> VideoEncoder::encode(const Picture& picture, int64_t frame_number) {
  AVCodecContext& encoder = *impl_->encoder;
  if (!has_size(picture, encoder.width, encoder.height))
    return fail(Code::invalid_argument, "the picture is not of the encoder's size");
  auto plain = impl_->frame_of(picture);
  if (!plain) return plain.error_as_is();
  (*plain)->pts = frame_number;
  const auto frame = libav::on_device(encoder, std::move(*plain));
  if (!frame) return frame.error_as_is();
  const int error = avcodec_send_frame(&encoder, frame->get());
  if (error < 0) return fail(Code::internal, "encoding: " + libav::error_text(error));
  auto packet = receive(&encoder);
  if (!packet) return packet.error_as_is();
  if (!*packet) return Packet{};
  return as_packet(std::move(*packet), Track::video);
}

struct AudioEncoder::Impl {
  libav::CodecPtr encoder;
  libav::FramePtr frame;
  AudioTrack track;
  int64_t next_sample = 0;
};

Result<std::unique_ptr<AudioEncoder>> AudioEncoder::create(int sample_rate_hz, int bitrate_bps) {
  libav::route_log();
  auto encoder = allocate(avcodec_find_encoder(AV_CODEC_ID_AAC), "the AAC encoder");
  if (!encoder) return encoder.error_as_is();
  AVCodecContext& context = **encoder;
  context.sample_fmt = AV_SAMPLE_FMT_FLTP;
  context.sample_rate = sample_rate_hz;
  context.time_base = {1, sample_rate_hz};
  context.bit_rate = bitrate_bps;
  av_channel_layout_default(&context.ch_layout, 1);
  const int error = avcodec_open2(&context, context.codec, nullptr);
  if (error < 0) return fail(Code::invalid_argument, "opening the audio encoder: " + libav::error_text(error));

  auto impl = std::make_unique<Impl>();
  impl->frame.reset(av_frame_alloc());
  if (!impl->frame) return fail(Code::internal, "out of memory");
  impl->track = {AudioCodec::aac, sample_rate_hz, 1, extradata_of(context)};
  impl->encoder = std::move(*encoder);
  return std::unique_ptr<AudioEncoder>(new AudioEncoder(std::move(impl)));
}

AudioEncoder::AudioEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AudioEncoder::~AudioEncoder() = default;

const AudioTrack& AudioEncoder::track() const {
  return impl_->track;
}

Result<std::vector<Packet>> AudioEncoder::encode(std::span<const float> samples) {
  if (samples.size() != kFrameSamples) return fail(Code::invalid_argument, "AAC takes 1024 samples at a time");
  AVCodecContext& encoder = *impl_->encoder;
  AVFrame& frame = *impl_->frame;
  av_frame_unref(&frame);
  frame.format = encoder.sample_fmt;
  frame.nb_samples = kFrameSamples;
  frame.sample_rate = encoder.sample_rate;
  if (av_channel_layout_copy(&frame.ch_layout, &encoder.ch_layout) < 0 || av_frame_get_buffer(&frame, 0) < 0)
    return fail(Code::internal, "out of memory");
  std::copy(samples.begin(), samples.end(), reinterpret_cast<float*>(frame.data[0]));
  frame.pts = impl_->next_sample;
  impl_->next_sample += kFrameSamples;
  const int error = avcodec_send_frame(&encoder, &frame);
  if (error < 0) return fail(Code::internal, "encoding: " + libav::error_text(error));
  std::vector<Packet> packets;
  while (true) {
    auto packet = receive(&encoder);
    if (!packet) return packet.error_as_is();
    if (!*packet) return packets;
    packets.push_back(as_packet(std::move(*packet), Track::audio));
  }
}

}  // namespace vedette
