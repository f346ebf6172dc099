#include "media/hardware_encoder.h"

extern "C" {
#include <libavutil/hwcontext.h>
}

#include <algorithm>
#include <array>
#include <string_view>

namespace vedette::libav {

namespace {

constexpr std::array<const char*, 3> kEncoders = {"h264_vaapi", "h264_v4l2m2m", "h264_nvenc"};
// Frames on the device: the one that is encoded, the one before that it refers to, and room for the driver's delay.
constexpr int kFramesOnDevice = 8;

struct BufferUnref {
  void operator()(AVBufferRef* p) const { av_buffer_unref(&p); }
};
using BufferPtr = std::unique_ptr<AVBufferRef, BufferUnref>;

}  // namespace

std::span<const char* const> hardware_encoders() {
  return kEncoders;
}

AVPixelFormat input_format(const AVCodec& codec) {
  if (std::string_view(codec.name) == "h264_vaapi") return AV_PIX_FMT_NV12;  // uploaded from there
  if (!codec.pix_fmts) return AV_PIX_FMT_YUV420P;
  for (const AVPixelFormat wanted : {AV_PIX_FMT_YUV420P, AV_PIX_FMT_NV12})
    for (const AVPixelFormat* format = codec.pix_fmts; *format != AV_PIX_FMT_NONE; ++format)
      if (*format == wanted) return wanted;
  return AV_PIX_FMT_NONE;
}

Status attach_device(AVCodecContext& encoder) {
  if (std::string_view(encoder.codec->name) != "h264_vaapi") return {};
  AVBufferRef* raw = nullptr;
  int error = av_hwdevice_ctx_create(&raw, AV_HWDEVICE_TYPE_VAAPI, nullptr, nullptr, 0);
  const BufferPtr device(raw);
  if (error < 0) return fail(Code::unsupported, "no VA-API device: " + error_text(error));
  const BufferPtr pool(av_hwframe_ctx_alloc(device.get()));
  if (!pool) return fail(Code::internal, "out of memory");
  auto* const frames = reinterpret_cast<AVHWFramesContext*>(pool->data);
  frames->format = AV_PIX_FMT_VAAPI;
  frames->sw_format = AV_PIX_FMT_NV12;
  frames->width = encoder.width;
  frames->height = encoder.height;
  frames->initial_pool_size = kFramesOnDevice;
  error = av_hwframe_ctx_init(pool.get());
  if (error < 0) return fail(Code::unsupported, "VA-API frames: " + error_text(error));
  encoder.pix_fmt = AV_PIX_FMT_VAAPI;
  encoder.hw_frames_ctx = av_buffer_ref(pool.get());
  return encoder.hw_frames_ctx ? Status() : fail(Code::internal, "out of memory");
}

Result<FramePtr> on_device(const AVCodecContext& encoder, FramePtr frame) {
  if (!encoder.hw_frames_ctx) return frame;
  FramePtr uploaded(av_frame_alloc());
  if (!uploaded) return fail(Code::internal, "out of memory");
  int error = av_hwframe_get_buffer(encoder.hw_frames_ctx, uploaded.get(), 0);
  if (error >= 0) error = av_hwframe_transfer_data(uploaded.get(), frame.get(), 0);
  if (error < 0) return fail(Code::internal, "handing a picture to the encoder: " + error_text(error));
  uploaded->pts = frame->pts;
  return uploaded;
}

}  // namespace vedette::libav
