#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// rtsp:// and rtsps://: a network camera, read by our own client (sources/rtsp/), or through libavformat where that has
// no depacketiser for what the camera sends.
Result<std::unique_ptr<Source>> make_rtsp_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
