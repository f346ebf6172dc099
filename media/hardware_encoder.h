#pragma once

// Inside media/ only: H.264 encoders in hardware, as libavcodec has them.
#include <span>

#include "media/libav.h"

namespace vedette::libav {

// libavcodec's names of those that are tried, in this order.
std::span<const char* const> hardware_encoders();

// The pixel format that such an encoder is given: AV_PIX_FMT_NONE when it takes none that we make.
AVPixelFormat input_format(const AVCodec& codec);

// To be called before the encoder is opened: gives it the device and the pool of frames where it needs them (VA-API).
// unsupported when there is no such device.
Status attach_device(AVCodecContext& encoder);

// The frame as the encoder takes it: on the device where it works from there, else the frame itself.
Result<FramePtr> on_device(const AVCodecContext& encoder, FramePtr frame);

}  // namespace vedette::libav
