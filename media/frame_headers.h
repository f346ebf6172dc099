#pragma once

// Inside media/ and its tests only: what frames say of themselves in their first bytes. libavformat goes by the codec
// and the sound that a stream began with (of MPEG-TS: up to its version 5.1 at least), whatever comes later.
#include <optional>

#include "media/nal.h"
#include "media/stream_info.h"

namespace vedette {

// Whether a frame of this track (Annex B) is surely one of the other of H.264 and H.265: its first NAL unit is none
// that the track's codec has there, and is one of the other. `in_doubt`: what may be of either is taken for the other.
bool is_of_other_codec(const VideoTrack& track, nal::View frame, bool in_doubt);

struct SoundHeader {
  int sample_rate_hz = 0;
  int channels = 0;

  bool operator==(const SoundHeader&) const = default;
};
// Of AAC with an ADTS header (ISO/IEC 13818-7 6.2) and of MP3 (ISO/IEC 11172-3 2.4.1.3). Nothing where there is no such
// header.
std::optional<SoundHeader> sound_header(AudioCodec codec, nal::View frame);

}  // namespace vedette
