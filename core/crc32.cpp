#include "core/crc32.h"

#include <libdeflate.h>

namespace vedette {

uint32_t crc32(uint32_t before, std::span<const uint8_t> bytes) {
  return libdeflate_crc32(before, bytes.data(), bytes.size());
}

}  // namespace vedette
