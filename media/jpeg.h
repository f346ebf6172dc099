#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "media/packet.h"

namespace vedette {

struct JpegOptions {
  int width_px = 0;              // scaled down to this width, never up; 0: as it is
  std::optional<int> quality{};  // 1..100; nothing: 85, and a JPEG that need not be encoded again is not
  size_t most_bytes = 0;         // scaled down further until it fits; 0: no limit
  bool operator==(const JpegOptions&) const = default;
};

struct Jpeg {
  std::vector<uint8_t> bytes;
  int width_px = 0;
  int height_px = 0;
};

// Decodes one keyframe (of any VideoCodec) and encodes it as a baseline JPEG, in the calling thread, one thread only.
// Decoder and encoder are freed before it returns: a 4K decoder holds 200 MB. Scaling is done before encoding.
Result<Jpeg> jpeg_from_keyframe(const Packet& keyframe, const JpegOptions& options);

// The same of the last of these video packets, which begin with a keyframe and come in decoding order: all are decoded,
// which takes its time. timed_out when that would be later than the deadline.
Result<Jpeg> jpeg_from_last(std::span<const Packet> packets, MonoTime deadline, const JpegOptions& options);

// The same of a JPEG that a camera made. Where nothing is to be changed, these are its own bytes. unsupported: it is no
// JPEG, or it is damaged, ends too early or has more than kMostJpegPixels.
Result<Jpeg> jpeg_from_jpeg(std::span<const uint8_t> bytes, const JpegOptions& options);

// The largest cameras have half of it; a picture decoded takes up to 3 bytes for each.
inline constexpr int64_t kMostJpegPixels = 64 * 1024 * 1024;

}  // namespace vedette
