#pragma once

#include "agent/config.h"
#include "core/json.h"
#include "sources/device_info.h"
#include "sources/stream_probe.h"

namespace vedette {

// What the report of a stream is judged by.
struct ProbeLimits {
  seconds ring{};
  size_t ring_bytes = 0;
  AudioPolicy audio = AudioPolicy::copy;
};

// The result of camera.probe: what the stream is, and what of it will not work as one would expect (`warnings`). The
// stream had a keyframe.
Json probe_report(const StreamReport& stream, const ProbeLimits& limits);
// The same with what was learnt by connecting.
Json probe_report(const ProbedStream& probed, const ProbeLimits& limits);
// Adds what the camera says it is, or a warning why that is not known.
void add_device(Json& report, const Result<DeviceInfo>& device);

}  // namespace vedette
