#include "media/encode_settings.h"

#include <algorithm>
#include <cmath>

namespace vedette {

FrameSize encoded_size(FrameSize picture, int width_px) {
  const auto even = [](double side) { return std::max(2, static_cast<int>(std::lround(side / 2)) * 2); };
  if (width_px <= 0) return {std::max(2, picture.width_px & ~1), std::max(2, picture.height_px & ~1)};
  const double height = static_cast<double>(picture.height_px) * width_px / std::max(1, picture.width_px);
  return {even(width_px), even(height)};
}

}  // namespace vedette
