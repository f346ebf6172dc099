#include "media/payload.h"

#include <algorithm>

namespace vedette {

Payload Payload::copy_of(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return {};
  const auto block = std::make_shared_for_overwrite<uint8_t[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), block.get());
  return {std::shared_ptr<const uint8_t>(block, block.get()), bytes.size()};
}

}  // namespace vedette
