#include "media/scaler.h"

extern "C" {
#include <libavutil/opt.h>
}

namespace vedette::libav {

namespace {

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

}  // namespace

// The range has to be known to the scaler before it is set up: it copies, where it thinks there is nothing to do.
Result<ScalerPtr> scaler_for(const AVFrame& from, const AVFrame& to) {
  ScalerPtr scaler(sws_alloc_context());
  if (!scaler) return fail(Code::internal, "out of memory");
  const auto set = [&](const char* option, int64_t value) { av_opt_set_int(scaler.get(), option, value, 0); };
  set("srcw", from.width);
  set("srch", from.height);
  set("src_format", plain_format(from.format));
  set("src_range", is_full_range(from));
  set("dstw", to.width);
  set("dsth", to.height);
  set("dst_format", plain_format(to.format));
  set("dst_range", is_full_range(to));
  set("sws_flags", SWS_BILINEAR);
  if (sws_init_context(scaler.get(), nullptr, nullptr) < 0)
    return fail(Code::unsupported, "a picture in a pixel format that cannot be converted");
  return scaler;
}

Result<FramePtr> new_picture(int width_px, int height_px, AVPixelFormat format, AVColorRange range) {
  FramePtr frame(av_frame_alloc());
  if (!frame) return fail(Code::internal, "out of memory");
  frame->width = width_px;
  frame->height = height_px;
  frame->format = format;
  frame->color_range = range;
  if (av_frame_get_buffer(frame.get(), 0) < 0) return fail(Code::internal, "out of memory");
  return frame;
}

}  // namespace vedette::libav
