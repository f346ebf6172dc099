#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// What libavformat reads by itself, with its URLs:
//  - http:// and https://: FLV, MPEG transport stream, fragmented MP4, HLS, and JPEG pictures as multipart (timed by
//    their arrival, for they have no times). Digest and Basic; https is verified, against config.ca_file if given.
//  - rtmp://: a stream of an RTMP server.
// Errors as media/demuxer.h names them; forbidden also for a certificate of https that is not trusted, with what to do.
Result<std::unique_ptr<Source>> make_libav_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
