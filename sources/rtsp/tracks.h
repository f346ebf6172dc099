#pragma once

#include <vector>

#include "media/stream_info.h"
#include "sources/rtsp/sdp.h"

namespace vedette::rtsp {

// What the SDP says of the tracks that are sent: codec, parameter sets, sound.
StreamInfo describe(const std::vector<Media>& tracks);

}  // namespace vedette::rtsp
