#pragma once

// Inside media/ and its tests only: ISO base media boxes (ISO/IEC 14496-12), written and read.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vedette::mp4 {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;
using FourCc = uint32_t;

constexpr FourCc fourcc(const char (&text)[5]) {
  FourCc value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(text[i]);
  return value;
}

inline constexpr int64_t kBoxHeaderBytes = 8;        // size, type
inline constexpr int64_t kLargeBoxHeaderBytes = 16;  // 1, type, 64-bit size

// Appends big-endian values and boxes to a buffer of its own, which clear() keeps for the next use.
class BoxWriter {
 public:
  void u8(uint8_t value) { out_.push_back(value); }
  void u16(uint16_t value);
  void u32(uint32_t value);
  void u64(uint64_t value);
  void bytes(View value) { out_.insert(out_.end(), value.begin(), value.end()); }

  // A box around what `body` writes.
  template <class Body>
  void box(FourCc type, Body body) {
    const size_t begin = out_.size();
    u32(0);
    u32(type);
    body();
    set_u32(begin, static_cast<uint32_t>(out_.size() - begin));
  }
  template <class Body>
  void full_box(FourCc type, uint8_t version, uint32_t flags, Body body) {
    box(type, [&] {
      u32(uint32_t{version} << 24 | flags);
      body();
    });
  }

  size_t size() const { return out_.size(); }
  void set_u32(size_t at, uint32_t value);
  void clear() { out_.clear(); }
  View view() const { return out_; }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

// Reads big-endian values; past the end everything is 0 and ok() is false.
class ByteReader {
 public:
  explicit ByteReader(View bytes) : rest_(bytes) {}
  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint32_t u24() { return static_cast<uint32_t>(number(3)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }
  void skip(size_t count);
  View rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  uint64_t number(size_t count);

  View rest_;
  bool ok_ = true;
};

struct Box {
  FourCc type = 0;
  View whole;
  View body;
};

// The boxes that lie one behind the other in `bytes`; ends early at one that does not fit.
std::vector<Box> boxes_in(View bytes);
// The first box of a type in there, or further down along a path of types.
std::optional<Box> find_box(View bytes, FourCc type);
std::optional<Box> find_box(View bytes, std::initializer_list<FourCc> path);

// A box of a file, by its place.
struct BoxPlace {
  FourCc type = 0;
  int64_t begin = 0;
  int64_t header_bytes = 0;
  int64_t size = 0;
  int64_t body() const { return begin + header_bytes; }
  int64_t end() const { return begin + size; }
};

// The header at `at`; nothing when there is none, or when the box goes past `limit`.
Result<std::optional<BoxPlace>> read_box_place(int fd, int64_t at, int64_t limit);
std::optional<BoxPlace> parse_box_place(View bytes, int64_t at, int64_t limit);

}  // namespace vedette::mp4
