#include "sources/rtsp/h264.h"

#include <array>

namespace vedette::rtsp {

namespace {

constexpr uint8_t kTypeMask = 0x1f;
constexpr uint8_t kIdr = 5;
constexpr uint8_t kSei = 6;
constexpr uint8_t kLastSingle = 23;
constexpr uint8_t kStapA = 24;
constexpr uint8_t kFuA = 28;
constexpr uint8_t kFuStart = 0x80;
constexpr uint8_t kFuEnd = 0x40;
constexpr uint8_t kRecoveryPoint = 6;  // SEI payload type

}  // namespace

void H264Depacketiser::take(Bytes payload) {
  const uint8_t type = payload[0] & kTypeMask;
  if (type >= 1 && type <= kLastSingle) return add_unit(payload);
  if (type == kStapA) return add_units(payload.subspan(1));
  if (type != kFuA || payload.size() < 3) return set_broken();
  const uint8_t fu = payload[1];
  const std::array<uint8_t, 1> head = {static_cast<uint8_t>((payload[0] & ~kTypeMask) | (fu & kTypeMask))};
  add_piece(head, payload.subspan(2), (fu & kFuStart) != 0, (fu & kFuEnd) != 0);
}

// An IDR picture; or, of cameras that send one only at the beginning, a picture behind a recovery point.
bool H264Depacketiser::begins_decoding(Bytes unit) const {
  const uint8_t type = unit[0] & kTypeMask;
  return type == kIdr || (type == kSei && unit.size() > 1 && unit[1] == kRecoveryPoint);
}

}  // namespace vedette::rtsp
