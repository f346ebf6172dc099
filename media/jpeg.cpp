#include "media/jpeg.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "media/decode.h"
#include "media/libav.h"
#include "media/scaler.h"

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

// The picture in the size wanted, 4:2:0, full range: what JPEG is. BT.709 is not turned into BT.601, as everywhere.
Result<libav::FramePtr> convert(const AVFrame& frame, Size size) {
  auto picture = libav::new_picture(size.width, size.height, AV_PIX_FMT_YUV420P, AVCOL_RANGE_JPEG);
  if (!picture) return picture;
  AVFrame& to = **picture;
  const auto scaler = libav::scaler_for(frame, to);
  if (!scaler) return scaler.error_as_is();
  const int rows = sws_scale(scaler->get(), frame.data, frame.linesize, 0, frame.height, to.data, to.linesize);
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
