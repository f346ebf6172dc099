#pragma once

#include "media/packet.h"

namespace vedette {

// How the units of a video frame are told apart: of H.264 and H.265 by start codes (Annex B), or each by the length of
// 4 bytes in front of it; frames of other codecs are whole.
enum class Framing { whole, start_codes, lengths };

// Lengths where avcC or hvcC announce them, else what the frame itself shows; of an audio packet, how the video that
// goes with it most likely is. It is asked of each packet: a clip may be put together of what came from a camera and
// what comes out of another file.
Framing framing_of(const Packet& packet);

}  // namespace vedette
