#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// rtsp:// and rtsps://: a network camera, read through libavformat over TCP or UDP.
Result<std::unique_ptr<Source>> make_rtsp_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
