#include "media/parameter_sets.h"

#include <algorithm>

#include "media/nal.h"

namespace vedette {

namespace {

using nal::View;

// NAL unit types: ITU-T H.264 table 7-1, H.265 table 7-1.
enum H264Nal { kH264Sps = 7, kH264Pps = 8 };
enum H265Nal { kH265Vps = 32, kH265Sps = 33, kH265Pps = 34 };
constexpr int kFirstH264Slice = 1;
constexpr int kLastH264Slice = 5;
constexpr int kFirstH265NonSlice = 32;

int nal_type(VideoCodec codec, View unit) {
  return codec == VideoCodec::h264 ? unit[0] & 0x1f : (unit[0] >> 1) & 0x3f;
}
bool is_sps(VideoCodec codec, int type) {
  return type == (codec == VideoCodec::h264 ? static_cast<int>(kH264Sps) : static_cast<int>(kH265Sps));
}
bool is_parameter_set(VideoCodec codec, int type) {
  if (codec == VideoCodec::h264) return type == kH264Sps || type == kH264Pps;
  return type == kH265Vps || type == kH265Sps || type == kH265Pps;
}
bool is_slice(VideoCodec codec, int type) {
  if (codec == VideoCodec::h264) return type >= kFirstH264Slice && type <= kLastH264Slice;
  return type < kFirstH265NonSlice;
}

// The NAL units up to the first slice: what follows is no parameter set, and is the bulk.
std::vector<View> leading_units(VideoCodec codec, View stream) {
  std::vector<View> units;
  size_t code = nal::find_start_code(stream, 0);
  while (code + nal::kStartCodeBytes < stream.size()) {
    const size_t begin = code + nal::kStartCodeBytes;
    if (is_slice(codec, nal_type(codec, stream.subspan(begin)))) break;
    code = nal::find_start_code(stream, begin);
    size_t end = code;
    while (end > begin && stream[end - 1] == 0) --end;  // the zeros belong to the next start code
    if (end > begin) units.push_back(stream.subspan(begin, end - begin));
  }
  return units;
}

bool same(View a, View b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

std::optional<std::vector<uint8_t>> changed_parameter_sets(const VideoTrack& track, View keyframe) {
  const VideoCodec codec = track.codec;
  if (codec != VideoCodec::h264 && codec != VideoCodec::h265) return std::nullopt;
  if (!nal::begins_with_start_code(keyframe)) return std::nullopt;
  if (!track.extradata.empty() && !nal::begins_with_start_code(track.extradata)) return std::nullopt;

  const std::vector<View> known = leading_units(codec, track.extradata);
  bool changed = false;
  std::vector<uint8_t> found;
  for (const View unit : leading_units(codec, keyframe)) {
    const int type = nal_type(codec, unit);
    if (!is_parameter_set(codec, type)) continue;
    found.insert(found.end(), {0, 0, 0, 1});
    found.insert(found.end(), unit.begin(), unit.end());
    const auto is_same = [unit](View other) { return same(unit, other); };
    if (is_sps(codec, type) && std::none_of(known.begin(), known.end(), is_same)) changed = true;
  }
  if (!changed) return std::nullopt;
  return found;
}

}  // namespace vedette
