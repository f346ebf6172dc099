#pragma once

#include <string>

#include "media/stream_info.h"

namespace vedette {

// The profile that the track's parameter sets name, in the words of ISO/IEC 14496-10 annex A and 23008-2 annex A, in
// lower case: "constrained baseline", "main", "high", "main 10". Empty when they are not known or name another.
std::string video_profile(const VideoTrack& track);

}  // namespace vedette
