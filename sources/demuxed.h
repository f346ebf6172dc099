#pragma once

#include <stop_token>

#include "media/demuxer.h"
#include "sources/source.h"

namespace vedette {

// What every kind of source that a Demuxer reads does with it: reads until the stop (Ok) or an error, with the deadline
// of config.stall_timeout for each next frame (first_video_timeout() for the first), and pushes the packets timed on
// this machine's clock. In the calling thread.
Status push_demuxed(Demuxer& demuxer, const SourceConfig& config, const Clock& clock, const Source::Push& push,
                    const std::stop_token& stop);

}  // namespace vedette
