#pragma once

// Inside media/ only: libswscale with the ranges right.
#include "core/result.h"
#include "media/libav.h"

namespace vedette::libav {

// Makes the pictures of one kind those of another: size, pixel format, and the range that the two frames say they have
// (a format that is full range by its name counts as that). BT.709 is not turned into BT.601. unsupported when
// libswscale cannot.
Result<ScalerPtr> scaler_for(const AVFrame& from, const AVFrame& to);

// A frame with room for its picture.
Result<FramePtr> new_picture(int width_px, int height_px, AVPixelFormat format, AVColorRange range);

}  // namespace vedette::libav
