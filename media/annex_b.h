#pragma once

#include <cstdint>
#include <span>

#include "media/stream_info.h"

namespace vedette {

// What can be said of a frame of H.264 or H.265 in Annex B without decoding it.

bool is_byte_stream(std::span<const uint8_t> frame);

// Whether decoding can begin with it: an IDR picture (of H.265 any IRAP picture), or of H.264 one behind a recovery
// point, of cameras that send an IDR picture only at the beginning.
bool begins_decoding(VideoCodec codec, std::span<const uint8_t> frame);

}  // namespace vedette
