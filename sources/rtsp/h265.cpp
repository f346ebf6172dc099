#include "sources/rtsp/h265.h"

#include <array>

namespace vedette::rtsp {

namespace {

constexpr size_t kHeadBytes = 2;
constexpr uint8_t kFirstIrap = 16;  // BLA, IDR, CRA
constexpr uint8_t kLastIrap = 21;
constexpr uint8_t kLastSingle = 47;
constexpr uint8_t kAggregation = 48;
constexpr uint8_t kFragmentation = 49;
constexpr uint8_t kFuStart = 0x80;
constexpr uint8_t kFuEnd = 0x40;
constexpr uint8_t kFuTypeMask = 0x3f;

uint8_t type_of(std::span<const uint8_t> unit) {
  return unit[0] >> 1 & 0x3f;
}

}  // namespace

void H265Depacketiser::take(Bytes payload) {
  if (payload.size() <= kHeadBytes) return set_broken();
  const uint8_t type = type_of(payload);
  if (type <= kLastSingle) return add_unit(payload);
  if (type == kAggregation) return add_units(payload.subspan(kHeadBytes));
  if (type != kFragmentation || payload.size() <= kHeadBytes + 1) return set_broken();
  const uint8_t fu = payload[kHeadBytes];
  const std::array<uint8_t, kHeadBytes> head = {static_cast<uint8_t>((payload[0] & 0x81) | (fu & kFuTypeMask) << 1),
                                                payload[1]};
  add_piece(head, payload.subspan(kHeadBytes + 1), (fu & kFuStart) != 0, (fu & kFuEnd) != 0);
}

bool H265Depacketiser::begins_decoding(Bytes unit) const {
  const uint8_t type = type_of(unit);
  return type >= kFirstIrap && type <= kLastIrap;
}

}  // namespace vedette::rtsp
