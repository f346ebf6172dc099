#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// v4l2:///dev/video0?size=1280x720&fps=30&format=yuyv: a camera on this machine (USB, capture card). The nearest of
// what it offers is taken. Raw pictures and JPEGs are encoded here (config.encode); H.264 passes as it is, and JPEGs do
// with encode.copy.
Result<std::unique_ptr<Source>> make_v4l2_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
