#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// SRT with an MPEG transport stream in it; config.password is the passphrase (both sides must have the same; 10 to 79
// bytes), and the URL may name a stream id and how long lost packets may be sent again (?streamid=...&latency_ms=120):
//  - srt://host:port calls the camera;
//  - srt-listen://[address]:port waits for the camera to call. One of the two kinds that open a port, see
//    sources/rtmp_listen_source.h. Needs a passphrase.
Result<std::unique_ptr<Source>> make_srt_source(const SourceConfig& config, const Clock& clock);
Result<std::unique_ptr<Source>> make_srt_listen_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
