#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "media/packet.h"

namespace vedette::test {

struct Luma {
  int width_px = 0;
  int height_px = 0;
  std::vector<uint8_t> samples;  // without padding
};

// LumaDecoder decodes a stream without reordering: each packet gives its picture at once.
class LumaDecoder {
 public:
  explicit LumaDecoder(const VideoTrack& track);
  ~LumaDecoder();

  // Nothing when it does not decode.
  std::optional<Luma> decode(const Packet& packet);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette::test
