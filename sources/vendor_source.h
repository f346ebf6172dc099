#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// hik:// and dahua://: cameras and recorders of two makers, named by channel and profile (sources/vendor_url.h has the
// grammar). They speak RTSP, so each is an RTSP source with its maker's path.
Result<std::unique_ptr<Source>> make_hik_source(const SourceConfig& config, const Clock& clock);
Result<std::unique_ptr<Source>> make_dahua_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
