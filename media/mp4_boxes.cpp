#include "media/mp4_boxes.h"

#include <algorithm>
#include <array>

#include "core/file.h"

namespace vedette::mp4 {

void BoxWriter::u16(uint16_t value) {
  u8(static_cast<uint8_t>(value >> 8));
  u8(static_cast<uint8_t>(value));
}

void BoxWriter::u32(uint32_t value) {
  const size_t at = out_.size();
  out_.resize(at + 4);
  set_u32(at, value);
}

void BoxWriter::u64(uint64_t value) {
  u32(static_cast<uint32_t>(value >> 32));
  u32(static_cast<uint32_t>(value));
}

void BoxWriter::set_u32(size_t at, uint32_t value) {
  for (int i = 0; i < 4; ++i) out_[at + static_cast<size_t>(i)] = static_cast<uint8_t>(value >> (24 - 8 * i));
}

uint64_t ByteReader::number(size_t count) {
  if (rest_.size() < count) {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  uint64_t value = 0;
  for (const uint8_t byte : rest_.first(count)) value = value << 8 | byte;
  rest_ = rest_.subspan(count);
  return value;
}

void ByteReader::skip(size_t count) {
  if (rest_.size() < count) ok_ = false;
  rest_ = rest_.subspan(std::min(count, rest_.size()));
}

std::optional<BoxPlace> parse_box_place(View bytes, int64_t at, int64_t limit) {
  ByteReader reader(bytes);
  BoxPlace box;
  box.begin = at;
  uint64_t size = reader.u32();
  box.type = reader.u32();
  box.header_bytes = kBoxHeaderBytes;
  if (size == 1) {
    size = reader.u64();
    box.header_bytes = kLargeBoxHeaderBytes;
  }
  if (!reader.ok() || size < static_cast<uint64_t>(box.header_bytes) || at > limit) return std::nullopt;
  if (size > static_cast<uint64_t>(limit - at)) return std::nullopt;
  box.size = static_cast<int64_t>(size);
  return box;
}

Result<std::optional<BoxPlace>> read_box_place(int fd, int64_t at, int64_t limit) {
  std::array<uint8_t, kLargeBoxHeaderBytes> header{};
  const auto n = file::read_at(fd, header, at);
  if (!n) return n.error_as_is();
  return parse_box_place(View(header).first(*n), at, limit);
}

std::vector<Box> boxes_in(View bytes) {
  std::vector<Box> boxes;
  size_t at = 0;
  const auto limit = static_cast<int64_t>(bytes.size());
  while (const auto place = parse_box_place(bytes.subspan(at), static_cast<int64_t>(at), limit)) {
    const View whole = bytes.subspan(at, static_cast<size_t>(place->size));
    boxes.push_back({place->type, whole, whole.subspan(static_cast<size_t>(place->header_bytes))});
    at += static_cast<size_t>(place->size);
  }
  return boxes;
}

std::optional<Box> find_box(View bytes, FourCc type) {
  for (const Box& box : boxes_in(bytes))
    if (box.type == type) return box;
  return std::nullopt;
}

std::optional<Box> find_box(View bytes, std::initializer_list<FourCc> path) {
  std::optional<Box> box;
  for (const FourCc type : path) {
    box = find_box(bytes, type);
    if (!box) break;
    bytes = box->body;
  }
  return box;
}

}  // namespace vedette::mp4
