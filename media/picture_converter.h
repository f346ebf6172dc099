#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/result.h"
#include "media/encode_settings.h"
#include "media/encoder.h"

namespace vedette {

// What cameras give raw, in the words of V4L2: YUYV is 4:2:2 packed, NV12 4:2:0 with U and V together, YU12 4:2:0 in
// planes, MJPEG a JPEG for each frame.
enum class PixelFormat { yuyv, nv12, yu12, mjpeg };

// PictureConverter makes the pictures that an encoder takes of frames as a device gives them, scaled where `to` is
// another size. Used by one thread.
class PictureConverter {
 public:
  struct Input {
    PixelFormat format = PixelFormat::yuyv;
    FrameSize size;
    int stride_bytes = 0;  // of a line of the (first) plane; 0: no padding. Of no meaning with MJPEG
  };
  static Result<std::unique_ptr<PictureConverter>> create(const Input& input, FrameSize to);
  ~PictureConverter();

  // How many bytes a whole frame has; 0: it differs (MJPEG).
  static size_t frame_bytes(const Input& input);

  // invalid_argument: the frame is shorter than it must be, or no JPEG of any use. The picture is good until the next
  // call.
  Result<const Picture*> convert(std::span<const uint8_t> frame);

 private:
  struct Impl;
  explicit PictureConverter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
