#include "media/jpeg.h"

extern "C" {
#include <libavutil/opt.h>
}

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "media/decode.h"
#include "media/libav.h"

namespace vedette {

namespace {

// mjpeg's quantiser scale: 1 is the finest, 31 the coarsest (libavcodec).
constexpr int kFinestScale = 1;
constexpr int kCoarsestScale = 31;
constexpr int kBestQuality = 100;
constexpr int kUsualQuality = 85;
// Shrinking to fit a number of bytes: aims a bit lower than needed, and gives up at pictures of no use to anybody.
constexpr double kAimBelow = 0.95;
constexpr int kSmallestWidthPx = 16;

struct Size {
  int width = 0;
  int height = 0;
};

// Quality as libjpeg counts it: 50 takes the table as it is (mjpeg's scale 8), 100 none of it, 25 twice of it.
int quantiser_of(int quality) {
  constexpr int kWholeTable = 8;
  const int q = std::clamp(quality, 1, kBestQuality);
  const double percent = q < 50 ? 5000.0 / q : 200.0 - 2.0 * q;
  return std::clamp(static_cast<int>(std::lround(percent / 100 * kWholeTable)), kFinestScale, kCoarsestScale);
}

Size scaled(const AVFrame& frame, int width_px) {
  if (width_px <= 0 || width_px >= frame.width) return {frame.width, frame.height};
  const double height = static_cast<double>(frame.height) * width_px / frame.width;
  return {width_px, std::max(1, static_cast<int>(std::lround(height)))};
}

// The formats that only say "full range" by another name are deprecated: plain ones, and the range beside.
AVPixelFormat plain_format(int format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    default:
      return static_cast<AVPixelFormat>(format);
  }
}

bool is_full_range(const AVFrame& frame) {
  return frame.color_range == AVCOL_RANGE_JPEG || plain_format(frame.format) != frame.format;
}

Result<libav::FramePtr> new_frame(Size size) {
  libav::FramePtr frame(av_frame_alloc());
  if (!frame) return fail(Code::internal, "out of memory");
  frame->width = size.width;
  frame->height = size.height;
  frame->format = AV_PIX_FMT_YUV420P;
  frame->color_range = AVCOL_RANGE_JPEG;
  if (av_frame_get_buffer(frame.get(), 0) < 0) return fail(Code::internal, "out of memory");
  return frame;
}

// The range has to be known to the scaler before it is set up: it copies, where it thinks there is nothing to do.
libav::ScalerPtr scaler_for(const AVFrame& from, const AVFrame& to) {
  libav::ScalerPtr scaler(sws_alloc_context());
  if (!scaler) return scaler;
  const auto set = [&](const char* option, int64_t value) { av_opt_set_int(scaler.get(), option, value, 0); };
  set("srcw", from.width);
  set("srch", from.height);
  set("src_format", plain_format(from.format));
  set("src_range", is_full_range(from));
  set("dstw", to.width);
  set("dsth", to.height);
  set("dst_format", to.format);
  set("dst_range", 1);
  set("sws_flags", SWS_BILINEAR);
  if (sws_init_context(scaler.get(), nullptr, nullptr) < 0) scaler.reset();
  return scaler;
}

// The picture in the size wanted, 4:2:0, full range: what JPEG is. BT.709 is not turned into BT.601, as everywhere.
Result<libav::FramePtr> convert(const AVFrame& frame, Size size) {
  auto picture = new_frame(size);
  if (!picture) return picture;
  AVFrame& to = **picture;
  const libav::ScalerPtr scaler = scaler_for(frame, to);
  if (!scaler) return fail(Code::unsupported, "a picture in a pixel format that cannot be converted");
  const int rows = sws_scale(scaler.get(), frame.data, frame.linesize, 0, frame.height, to.data, to.linesize);
  if (rows != size.height) return fail(Code::internal, "scaling failed");
  return picture;
}

Result<std::vector<uint8_t>> encode(const AVFrame& picture, int quantiser) {
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  if (!codec) return fail(Code::unsupported, "libavcodec was built without a JPEG encoder");
  const libav::CodecPtr encoder(avcodec_alloc_context3(codec));
  const libav::PacketPtr packet(av_packet_alloc());
  if (!encoder || !packet) return fail(Code::internal, "out of memory");
  encoder->width = picture.width;
  encoder->height = picture.height;
  encoder->pix_fmt = static_cast<AVPixelFormat>(picture.format);
  encoder->color_range = AVCOL_RANGE_JPEG;
  encoder->time_base = {1, 1};
  encoder->thread_count = 1;
  encoder->flags |= AV_CODEC_FLAG_QSCALE;
  encoder->global_quality = quantiser * FF_QP2LAMBDA;
  encoder->qmin = kFinestScale;
  int error = avcodec_open2(encoder.get(), codec, nullptr);
  if (error >= 0) error = avcodec_send_frame(encoder.get(), &picture);
  if (error >= 0) error = avcodec_receive_packet(encoder.get(), packet.get());
  if (error < 0) return fail(Code::internal, "encoding a JPEG: " + libav::error_text(error));
  return std::vector<uint8_t>(packet->data, packet->data + packet->size);
}

Result<Jpeg> make_jpeg(AVFrame& decoded, Size size, int quantiser) {
  auto picture = convert(decoded, size);
  if (!picture) return picture.error_as_is();
  (*picture)->quality = quantiser * FF_QP2LAMBDA;
  auto bytes = encode(**picture, quantiser);
  if (!bytes) return bytes.error_as_is();
  return Jpeg{std::move(*bytes), size.width, size.height};
}

Result<Jpeg> jpeg_from(AVFrame& frame, const JpegOptions& options) {
  const int quantiser = quantiser_of(options.quality.value_or(kUsualQuality));
  Size size = scaled(frame, options.width_px);
  while (true) {
    auto jpeg = make_jpeg(frame, size, quantiser);
    if (!jpeg || options.most_bytes == 0 || jpeg->bytes.size() <= options.most_bytes) return jpeg;
    if (size.width <= kSmallestWidthPx) return fail(Code::payload_too_large, "no picture is as small as that");
    const double ratio = std::sqrt(static_cast<double>(options.most_bytes) / static_cast<double>(jpeg->bytes.size()));
    const int width = static_cast<int>(size.width * std::min(1.0, ratio) * kAimBelow);
    size = scaled(frame, std::max(width, kSmallestWidthPx));
  }
}

}  // namespace

Result<Jpeg> jpeg_from_keyframe(const Packet& keyframe, const JpegOptions& options) {
  if (keyframe.payload().empty() || !keyframe.info || !keyframe.video())
    return fail(Code::invalid_argument, "a snapshot needs a video keyframe");
  auto decoded = libav::decode_keyframe(keyframe.info->video, keyframe.payload());
  if (!decoded) return decoded.error_as_is();
  return jpeg_from(*decoded->frame, options);
}

Result<Jpeg> jpeg_from_last(std::span<const Packet> packets, MonoTime deadline, const JpegOptions& options) {
  auto frame = libav::decode_last(packets, deadline);
  if (!frame) return frame.error_as_is();
  return jpeg_from(**frame, options);
}

Result<Jpeg> jpeg_from_jpeg(std::span<const uint8_t> bytes, const JpegOptions& options) {
  auto frame = libav::decode_jpeg(bytes, kMostJpegPixels);
  if (!frame) return frame.error_as_is();
  const bool narrower = options.width_px > 0 && options.width_px < (*frame)->width;
  const bool too_many = options.most_bytes > 0 && bytes.size() > options.most_bytes;
  if (narrower || too_many || options.quality) return jpeg_from(**frame, options);
  return Jpeg{{bytes.begin(), bytes.end()}, (*frame)->width, (*frame)->height};
}

}  // namespace vedette
