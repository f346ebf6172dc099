#include "media/annex_b.h"

#include "media/nal.h"

namespace vedette {

namespace {

// ITU-T H.264 table 7-1 and D.1, H.265 table 7-1.
constexpr int kH264Slice = 1, kH264Idr = 5, kH264Sei = 6, kH264RecoveryPoint = 6;
constexpr int kH265FirstIrap = 16, kH265LastIrap = 23, kH265LastSlice = 31;

struct Finding {
  bool begins = false;
  bool is_picture = false;  // the rest of the frame tells no more
};

Finding look_at(VideoCodec codec, nal::View unit) {
  if (codec == VideoCodec::h264) {
    const int type = unit[0] & 0x1f;
    const bool recovery = type == kH264Sei && unit.size() > 1 && unit[1] == kH264RecoveryPoint;
    return {type == kH264Idr || recovery, type >= kH264Slice && type <= kH264Idr};
  }
  const int type = unit[0] >> 1 & 0x3f;
  return {type >= kH265FirstIrap && type <= kH265LastIrap, type <= kH265LastSlice};
}

}  // namespace

bool is_byte_stream(std::span<const uint8_t> frame) {
  return nal::begins_with_start_code(frame);
}

bool begins_decoding(VideoCodec codec, std::span<const uint8_t> frame) {
  size_t code = nal::find_start_code(frame, 0);
  while (code + nal::kStartCodeBytes < frame.size()) {
    const size_t begin = code + nal::kStartCodeBytes;
    const Finding found = look_at(codec, frame.subspan(begin));
    if (found.begins) return true;
    if (found.is_picture) return false;
    code = nal::find_start_code(frame, begin);
  }
  return false;
}

}  // namespace vedette
