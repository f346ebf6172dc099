#pragma once

#include <stop_token>

#include "media/ring.h"
#include "sources/source.h"
#include "sources/stream_gauge.h"

namespace vedette {

struct ProbedStream {
  StreamReport stream;
  MonoTime began;  // to connect
  Status ended;    // why the camera ended the session before enough was seen; Ok when it did not
};

// Connects to a camera, watches what it sends until StreamGauge has enough or the timeout is over, and ends the
// session. One keyframe must have come: else the source's own error, or timed_out; cancelled after a stop. Returns
// within 500 ms of both. Any thread, which waits meanwhile.
Result<ProbedStream> probe_stream(SourceConfig config, microseconds timeout, const Clock& clock,
                                  const std::stop_token& stop);

// The same of a camera that is connected: what its ring holds of the newest session, without waiting for more.
StreamReport probe_ring(Ring& ring, const Clock& clock);

}  // namespace vedette
