#include "media/crc32.h"

extern "C" {
#include <libavutil/crc.h>
}

namespace vedette {

uint32_t crc32(uint32_t before, std::span<const uint8_t> bytes) {
  return ~av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), ~before, bytes.data(), bytes.size());
}

}  // namespace vedette
