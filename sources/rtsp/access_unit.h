#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace vedette::rtsp {

// AccessUnit collects the NAL units of one frame of H.264 or H.265, as Annex B. Its memory is kept from frame to frame.
class AccessUnit {
 public:
  // What does not fit makes it broken.
  void add_unit(std::span<const uint8_t> unit);
  // A unit that comes in pieces: its head, then its pieces.
  void begin_unit(std::span<const uint8_t> head);
  void add_piece(std::span<const uint8_t> piece);

  void begin(uint32_t timestamp);
  void set_broken() { broken_ = true; }
  void set_keyframe() { keyframe_ = true; }

  bool empty() const { return bytes_.empty(); }
  bool broken() const { return broken_; }
  bool keyframe() const { return keyframe_; }
  std::optional<uint32_t> timestamp() const { return timestamp_; }
  std::span<const uint8_t> bytes() const { return bytes_; }
  void clear();

 private:
  void append(std::span<const uint8_t> bytes);

  std::vector<uint8_t> bytes_;
  std::optional<uint32_t> timestamp_;
  bool keyframe_ = false;
  bool broken_ = false;
};

}  // namespace vedette::rtsp
