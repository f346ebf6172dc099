#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/clock.h"
#include "media/encoder.h"

namespace vedette {

// TestCard draws the frames of the test camera: a grey wedge with a moving bar, the time of the frame and its number in
// plain text, and along the top edge the same time for machines: kCodeBits squares, white for 1, that hold the
// milliseconds since 1970, most significant first. Not thread-safe.
class TestCard {
 public:
  static constexpr int kCodeBits = 48;

  TestCard(int width_px, int height_px);

  // The frame of an instant; the reference holds until the next call.
  const Picture& draw(UtcTime time, int64_t frame_number);

  // Reads the time back out of a (decoded) luma plane of any size that was drawn by draw(); nothing when the squares
  // are neither white nor black.
  static std::optional<UtcTime> read_time(std::span<const uint8_t> luma, int width_px, int height_px, int stride_bytes);

 private:
  void draw_text(std::string_view text, int x, int y, int scale);
  void draw_code(UtcTime time);
  void fill(int x, int y, int width, int height, uint8_t luma);

  Picture background_;
  Picture picture_;
};

}  // namespace vedette
