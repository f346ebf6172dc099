#pragma once

// Inside media/ and its tests only: NAL units of H.264 and H.265, as a byte stream with start codes (Annex B) or each
// behind its length of 4 bytes.
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "media/stream_info.h"

namespace vedette::nal {

using View = std::span<const uint8_t>;

inline constexpr size_t kStartCodeBytes = 3;  // 00 00 01; a zero byte before it belongs to nothing
inline constexpr size_t kLengthBytes = 4;

// Where the next start code begins, or the end. Looks for the 01 with memchr, which in coded video is rarer than 00.
inline size_t find_start_code(View bytes, size_t from) {
  size_t at = from + kStartCodeBytes - 1;
  while (at < bytes.size()) {
    const void* one = std::memchr(bytes.data() + at, 1, bytes.size() - at);
    if (!one) break;
    at = static_cast<size_t>(static_cast<const uint8_t*>(one) - bytes.data());
    if (bytes[at - 1] == 0 && bytes[at - 2] == 0) return at - (kStartCodeBytes - 1);
    ++at;
  }
  return bytes.size();
}

inline bool begins_with_start_code(View bytes) {
  const bool zeros = bytes.size() > kStartCodeBytes && bytes[0] == 0 && bytes[1] == 0;
  return zeros && (bytes[2] == 1 || (bytes[2] == 0 && bytes[3] == 1));
}

// Calls use(nal) for each unit of an Annex B stream.
template <class Use>
void for_each_in_byte_stream(View bytes, Use use) {
  size_t code = find_start_code(bytes, 0);
  while (code < bytes.size()) {
    const size_t begin = code + kStartCodeBytes;
    code = find_start_code(bytes, begin);
    size_t end = code;
    while (end > begin && bytes[end - 1] == 0) --end;
    if (end > begin) use(bytes.subspan(begin, end - begin));
  }
}

// The parameter sets (VPS, SPS, PPS) that a frame in either form carries, as Annex B.
std::vector<uint8_t> parameter_sets(VideoCodec codec, View frame);

// A frame whose units are behind their lengths as Annex B, with these parameter sets (Annex B) in front of all but the
// access unit delimiter: also of the messages (SEI) that refer to them.
std::vector<uint8_t> to_byte_stream(VideoCodec codec, View frame, View sets);

}  // namespace vedette::nal
