#pragma once

#include <cstdint>
#include <span>

namespace vedette {

// CRC-32 as in Ethernet and zip, piece by piece: `before` is that of the bytes before, 0 at the beginning.
uint32_t crc32(uint32_t before, std::span<const uint8_t> bytes);

}  // namespace vedette
