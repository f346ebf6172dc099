#include "sources/rtsp/access_unit.h"

#include <array>

#include "sources/rtsp/depacketiser.h"

namespace vedette::rtsp {

namespace {

constexpr std::array<uint8_t, 4> kStartCode = {0, 0, 0, 1};

}  // namespace

void AccessUnit::append(std::span<const uint8_t> bytes) {
  if (bytes_.size() + bytes.size() > Depacketiser::kMostFrameBytes) {
    broken_ = true;
    return;
  }
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void AccessUnit::add_unit(std::span<const uint8_t> unit) {
  append(kStartCode);
  append(unit);
}

void AccessUnit::begin_unit(std::span<const uint8_t> head) {
  add_unit(head);
}

void AccessUnit::add_piece(std::span<const uint8_t> piece) {
  append(piece);
}

void AccessUnit::begin(uint32_t timestamp) {
  clear();
  timestamp_ = timestamp;
}

void AccessUnit::clear() {
  bytes_.clear();
  timestamp_.reset();
  keyframe_ = broken_ = false;
}

}  // namespace vedette::rtsp
