#include "media/picture_converter.h"

#include <algorithm>
#include <string>
#include <utility>

#include "media/libav.h"
#include "media/scaler.h"

namespace vedette {

namespace {

// A JPEG may be of another size than the device said, within reason.
constexpr int kMostSidePx = 8192;

AVPixelFormat libav_format(PixelFormat format) {
  switch (format) {
    case PixelFormat::yuyv:
      return AV_PIX_FMT_YUYV422;
    case PixelFormat::nv12:
      return AV_PIX_FMT_NV12;
    default:
      return AV_PIX_FMT_YUV420P;
  }
}

size_t stride_of(const PictureConverter::Input& input) {
  const auto least = static_cast<size_t>(input.size.width_px) * (input.format == PixelFormat::yuyv ? 2 : 1);
  return std::max(least, static_cast<size_t>(std::max(0, input.stride_bytes)));
}

void copy_plane(const uint8_t* from, int stride, int width, int height, std::vector<uint8_t>& to) {
  for (int row = 0; row < height; ++row)
    std::copy_n(from + static_cast<ptrdiff_t>(row) * stride, width, to.data() + static_cast<ptrdiff_t>(row) * width);
}

Result<libav::CodecPtr> open_jpeg_decoder() {
  const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
  if (!codec) return fail(Code::unsupported, "libavcodec was built without a JPEG decoder");
  libav::CodecPtr decoder(avcodec_alloc_context3(codec));
  if (!decoder) return fail(Code::internal, "out of memory");
  decoder->thread_count = 1;
  const int error = avcodec_open2(decoder.get(), codec, nullptr);
  if (error < 0) return fail(Code::unsupported, "opening the JPEG decoder: " + libav::error_text(error));
  return decoder;
}

}  // namespace

struct PictureConverter::Impl {
  Status point_into(std::span<const uint8_t> frame);
  Status decode(std::span<const uint8_t> frame);
  Status scale();

  Input input;
  libav::CodecPtr decoder;  // of MJPEG
  libav::PacketPtr packet;
  libav::FramePtr from;  // of raw formats it only points into the bytes of the caller
  libav::FramePtr to;
  libav::ScalerPtr scaler;
  FrameSize scaler_size;
  int scaler_format = AV_PIX_FMT_NONE;
  Picture picture;
};

size_t PictureConverter::frame_bytes(const Input& input) {
  const size_t luma = stride_of(input) * static_cast<size_t>(input.size.height_px);
  const size_t half_rows = (static_cast<size_t>(input.size.height_px) + 1) / 2;
  switch (input.format) {
    case PixelFormat::yuyv:
      return luma;
    case PixelFormat::nv12:
      return luma + stride_of(input) * half_rows;
    case PixelFormat::yu12:
      return luma + 2 * ((stride_of(input) + 1) / 2) * half_rows;
    case PixelFormat::mjpeg:
      break;
  }
  return 0;
}

Result<std::unique_ptr<PictureConverter>> PictureConverter::create(const Input& input, FrameSize to) {
  libav::route_log();
  const bool good = input.size.width_px > 1 && input.size.height_px > 1 && input.size.width_px <= kMostSidePx &&
                    input.size.height_px <= kMostSidePx && to.width_px > 1 && to.height_px > 1 &&
                    to.width_px % 2 == 0 && to.height_px % 2 == 0;
  if (!good) return fail(Code::invalid_argument, "a picture of a size that cannot be");
  auto impl = std::make_unique<Impl>();
  impl->input = input;
  impl->from.reset(av_frame_alloc());
  impl->packet.reset(av_packet_alloc());
  if (!impl->from || !impl->packet) return fail(Code::internal, "out of memory");
  auto frame = libav::new_picture(to.width_px, to.height_px, AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG);
  if (!frame) return frame.error_as_is();
  impl->to = std::move(*frame);
  if (input.format == PixelFormat::mjpeg) {
    auto decoder = open_jpeg_decoder();
    if (!decoder) return decoder.error_as_is();
    impl->decoder = std::move(*decoder);
  }
  const size_t luma = static_cast<size_t>(to.width_px) * static_cast<size_t>(to.height_px);
  impl->picture.width_px = to.width_px;
  impl->picture.height_px = to.height_px;
  impl->picture.y.resize(luma);
  impl->picture.u.resize(luma / 4);
  impl->picture.v.resize(luma / 4);
  return std::unique_ptr<PictureConverter>(new PictureConverter(std::move(impl)));
}

PictureConverter::PictureConverter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PictureConverter::~PictureConverter() = default;

Status PictureConverter::Impl::point_into(std::span<const uint8_t> frame) {
  if (frame.size() < frame_bytes(input))
    return fail(Code::invalid_argument, "a frame of " + std::to_string(frame.size()) + " bytes instead of " +
                                            std::to_string(frame_bytes(input)));
  const int stride = static_cast<int>(stride_of(input));
  const ptrdiff_t rows = input.size.height_px;
  auto* const bytes = const_cast<uint8_t*>(frame.data());  // only read
  from->format = libav_format(input.format);
  from->width = input.size.width_px;
  from->height = input.size.height_px;
  from->color_range = AVCOL_RANGE_MPEG;
  from->data[0] = bytes;
  from->linesize[0] = stride;
  if (input.format == PixelFormat::nv12) {
    from->data[1] = bytes + stride * rows;
    from->linesize[1] = stride;
  }
  if (input.format == PixelFormat::yu12) {
    const int half = (stride + 1) / 2;
    from->data[1] = bytes + stride * rows;
    from->data[2] = from->data[1] + half * ((rows + 1) / 2);
    from->linesize[1] = from->linesize[2] = half;
  }
  return {};
}

Status PictureConverter::Impl::decode(std::span<const uint8_t> frame) {
  av_packet_unref(packet.get());
  if (av_new_packet(packet.get(), static_cast<int>(frame.size())) < 0) return fail(Code::internal, "out of memory");
  std::copy(frame.begin(), frame.end(), packet->data);
  int error = avcodec_send_packet(decoder.get(), packet.get());
  if (error >= 0) error = avcodec_receive_frame(decoder.get(), from.get());
  if (error < 0) return fail(Code::invalid_argument, "decoding a JPEG: " + libav::error_text(error));
  if (from->decode_error_flags != 0 || from->width > kMostSidePx || from->height > kMostSidePx)
    return fail(Code::invalid_argument, "decoding a JPEG: it is damaged");
  return {};
}

Status PictureConverter::Impl::scale() {
  const FrameSize size{from->width, from->height};
  if (!scaler || scaler_size != size || scaler_format != from->format) {
    auto made = libav::scaler_for(*from, *to);
    if (!made) return made.error_as_is();
    scaler = std::move(*made);
    scaler_size = size;
    scaler_format = from->format;
  }
  const int rows = sws_scale(scaler.get(), from->data, from->linesize, 0, from->height, to->data, to->linesize);
  if (rows != to->height) return fail(Code::internal, "scaling failed");
  const int width = to->width, height = to->height;
  copy_plane(to->data[0], to->linesize[0], width, height, picture.y);
  copy_plane(to->data[1], to->linesize[1], width / 2, height / 2, picture.u);
  copy_plane(to->data[2], to->linesize[2], width / 2, height / 2, picture.v);
  return {};
}

Result<const Picture*> PictureConverter::convert(std::span<const uint8_t> frame) {
  av_frame_unref(impl_->from.get());
  auto done = impl_->decoder ? impl_->decode(frame) : impl_->point_into(frame);
  if (done) done = impl_->scale();
  if (!done) return done.error_as_is();
  return &impl_->picture;
}

}  // namespace vedette
