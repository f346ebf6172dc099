#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// onvif://host[:port]/{profile}: a camera is asked over ONVIF (Profile S) where the stream of that profile is, at the
// beginning of every session, and that is read over RTSP, at the configured host. The profile is a token or a name,
// percent-encoded; the camera's first without one. The port is that of HTTP (80), or HTTPS (443) with http_tls.
Result<std::unique_ptr<Source>> make_onvif_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
