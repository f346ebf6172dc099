#pragma once

#include <memory>

#include "sources/source.h"

namespace vedette {

// rtmp-listen://[address][:port]/app: a camera that pushes RTMP to this machine, to rtmp://this-machine:port/app with
// the stream key that config.password holds. One of the two kinds that open a port (the other is srt-listen), and only
// while such a camera is configured and enabled. Another app or key is refused, and so is a second publisher. RTMP is
// not encrypted: the key can be read on the way.
//
// While nobody publishes, run() ends with timed_out now and then (sources/patience.h).
Result<std::unique_ptr<Source>> make_rtmp_listen_source(const SourceConfig& config, const Clock& clock);

}  // namespace vedette
