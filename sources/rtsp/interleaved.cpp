#include "sources/rtsp/interleaved.h"

#include <algorithm>

namespace vedette::rtsp {

namespace {

constexpr size_t kFrameHeadBytes = 4;  // '$', channel, length
// A stream that is not found again within this is lost.
constexpr size_t kMostGarbageBytes = 64 * 1024;

}  // namespace

Status Interleaved::take(std::span<const uint8_t> bytes) {
  if (!rest_.empty()) {
    rest_.insert(rest_.end(), bytes.begin(), bytes.end());
    bytes = rest_;
  }
  size_t used = 0;
  while (used < bytes.size()) {
    const auto taken = take_one(bytes.subspan(used));
    if (!taken) return taken.error_as_is();
    if (*taken == 0) break;
    used += *taken;
  }
  if (bytes.data() == rest_.data())
    rest_.erase(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(used));
  else
    rest_.assign(bytes.begin() + static_cast<ptrdiff_t>(used), bytes.end());
  return {};
}

// The first frame or message; 0 when it is not all there.
Result<size_t> Interleaved::take_one(std::span<const uint8_t> bytes) {
  if (bytes[0] != '$') return take_message(bytes);
  if (bytes.size() < kFrameHeadBytes) return size_t{0};
  const size_t size = static_cast<size_t>(bytes[2]) << 8 | bytes[3];
  if (bytes.size() < kFrameHeadBytes + size) return size_t{0};
  on_frame_(bytes[1], bytes.subspan(kFrameHeadBytes, size));
  garbage_bytes_ = 0;
  return kFrameHeadBytes + size;
}

Result<size_t> Interleaved::take_message(std::span<const uint8_t> bytes) {
  const auto incoming = parse_message({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (incoming && incoming->bytes == 0) return size_t{0};
  if (!incoming) {
    // Up to the next that could be a frame, or the beginning of a message.
    const auto next = std::find_if(bytes.begin() + 1, bytes.end(), [](uint8_t b) { return b == '$' || b == 'R'; });
    const auto skipped = static_cast<size_t>(next - bytes.begin());
    garbage_bytes_ += skipped;
    if (garbage_bytes_ > kMostGarbageBytes)
      return fail(Code::camera_unavailable, "what the camera sends is no RTSP any more");
    return skipped;
  }
  garbage_bytes_ = 0;
  if (auto done = on_message_(*incoming); !done) return done.error_as_is();
  return incoming->bytes;
}

}  // namespace vedette::rtsp
