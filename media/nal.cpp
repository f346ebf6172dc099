#include "media/nal.h"

namespace vedette::nal {

namespace {

template <class Use>
void for_each_behind_lengths(View bytes, Use use) {
  while (bytes.size() > kLengthBytes) {
    const size_t size = size_t{bytes[0]} << 24 | size_t{bytes[1]} << 16 | size_t{bytes[2]} << 8 | size_t{bytes[3]};
    bytes = bytes.subspan(kLengthBytes);
    if (size == 0 || size > bytes.size()) return;
    use(bytes.first(size));
    bytes = bytes.subspan(size);
  }
}

bool is_parameter_set(VideoCodec codec, uint8_t first_byte) {
  constexpr int kH264Sps = 7, kH264Pps = 8;    // ITU-T H.264 table 7-1
  constexpr int kH265Vps = 32, kH265Pps = 34;  // ITU-T H.265 table 7-1
  if (codec == VideoCodec::h264) {
    const int type = first_byte & 0x1f;
    return type == kH264Sps || type == kH264Pps;
  }
  const int type = first_byte >> 1 & 0x3f;
  return type >= kH265Vps && type <= kH265Pps;
}

}  // namespace

std::vector<uint8_t> parameter_sets(VideoCodec codec, View frame) {
  std::vector<uint8_t> sets;
  const auto keep = [&](View unit) {
    if (!is_parameter_set(codec, unit[0])) return;
    sets.insert(sets.end(), {0, 0, 0, 1});
    sets.insert(sets.end(), unit.begin(), unit.end());
  };
  if (begins_with_start_code(frame))
    for_each_in_byte_stream(frame, keep);
  else
    for_each_behind_lengths(frame, keep);
  return sets;
}

std::vector<uint8_t> to_byte_stream(VideoCodec codec, View frame, View sets) {
  constexpr int kH264Delimiter = 9, kH265Delimiter = 35;
  std::vector<uint8_t> stream;
  stream.reserve(frame.size() + sets.size());
  bool first = true;
  for_each_behind_lengths(frame, [&](View unit) {
    const bool delimiter =
        codec == VideoCodec::h264 ? (unit[0] & 0x1f) == kH264Delimiter : (unit[0] >> 1 & 0x3f) == kH265Delimiter;
    if (first && !delimiter) {
      stream.insert(stream.end(), sets.begin(), sets.end());
      first = false;
    }
    stream.insert(stream.end(), {0, 0, 0, 1});
    stream.insert(stream.end(), unit.begin(), unit.end());
  });
  return stream;
}

}  // namespace vedette::nal
