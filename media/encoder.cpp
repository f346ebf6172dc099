#include "media/encoder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "media/libav.h"

namespace vedette {

namespace {

// The rate control may run ahead of the bit rate by this much of a second, so that a keyframe fits.
constexpr int kRateBufferSeconds = 1;

void copy_plane(const std::vector<uint8_t>& from, int width, int height, uint8_t* to, int to_stride) {
  for (int row = 0; row < height; ++row)
    std::copy_n(from.data() + static_cast<ptrdiff_t>(row) * width, width, to + static_cast<ptrdiff_t>(row) * to_stride);
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
  libav::CodecPtr encoder;
  libav::FramePtr frame;
  VideoTrack track;
};

Result<std::unique_ptr<VideoEncoder>> VideoEncoder::create(const Options& options) {
  libav::route_log();
  const bool even = options.width_px % 2 == 0 && options.height_px % 2 == 0;
  if (!even || options.width_px <= 0 || options.height_px <= 0 || options.fps <= 0 || options.gop_frames <= 0)
    return fail(Code::invalid_argument, "width and height must be even, fps and GOP at least 1");
  auto encoder = allocate(avcodec_find_encoder_by_name("libx264"), "libx264");
  if (!encoder) return encoder.error_as_is();
  AVCodecContext& context = **encoder;
  context.width = options.width_px;
  context.height = options.height_px;
  context.pix_fmt = AV_PIX_FMT_YUV420P;
  context.time_base = {1, options.fps};
  context.framerate = {options.fps, 1};
  context.gop_size = options.gop_frames;
  context.max_b_frames = 0;
  context.bit_rate = context.rc_max_rate = options.bitrate_bps;
  context.rc_buffer_size = options.bitrate_bps * kRateBufferSeconds;
  libav::Dictionary settings;
  settings.set("preset", "ultrafast");
  settings.set("tune", "zerolatency");
  const int error = avcodec_open2(&context, context.codec, settings.address());
  if (error < 0) return fail(Code::internal, "opening the video encoder: " + libav::error_text(error));

  auto impl = std::make_unique<Impl>();
  impl->frame.reset(av_frame_alloc());
  if (!impl->frame) return fail(Code::internal, "out of memory");
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

Result<Packet> VideoEncoder::encode(const Picture& picture, int64_t frame_number) {
  AVCodecContext& encoder = *impl_->encoder;
  if (!has_size(picture, encoder.width, encoder.height))
    return fail(Code::invalid_argument, "the picture is not of the encoder's size");
  AVFrame& frame = *impl_->frame;
  av_frame_unref(&frame);
  frame.format = encoder.pix_fmt;
  frame.width = encoder.width;
  frame.height = encoder.height;
  if (av_frame_get_buffer(&frame, 0) < 0) return fail(Code::internal, "out of memory");
  copy_plane(picture.y, encoder.width, encoder.height, frame.data[0], frame.linesize[0]);
  copy_plane(picture.u, encoder.width / 2, encoder.height / 2, frame.data[1], frame.linesize[1]);
  copy_plane(picture.v, encoder.width / 2, encoder.height / 2, frame.data[2], frame.linesize[2]);
  frame.pts = frame_number;
  const int error = avcodec_send_frame(&encoder, &frame);
  if (error < 0) return fail(Code::internal, "encoding: " + libav::error_text(error));
  auto packet = receive(&encoder);
  if (!packet) return packet.error_as_is();
  if (!*packet) return fail(Code::internal, "the encoder kept a picture back");
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
