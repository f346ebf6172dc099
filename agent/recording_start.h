#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/command.h"
#include "core/clock.h"
#include "core/result.h"
#include "media/ring.h"

namespace vedette {

// When a recording.start begins and what comes of it: the rule of the API (docs/integration/mqtt.md), worked out from
// what is in the ring at this moment. Pure.
struct RecordingBegin {
  MonoTime start;               // wanted
  MonoTime shown;               // from here on it can be shown
  std::optional<MonoTime> end;  // wanted; nothing: until it is stopped
  microseconds lead{0};         // from the first picture in the file to `start`; negative: it comes after it
  bool scheduled = false;       // `start` is still to come
  std::vector<std::string> warnings;
};

// out_of_buffer: the wanted instant is older than the ring, and that is not allowed, or all of it is. A ring that holds
// nothing is no place to begin, but for what is scheduled: camera_unavailable.
//
// `start` is wanted_start() at `now`, `keyframe` the newest in the ring at or before it.
Result<RecordingBegin> begin_of(const RecordingStart& request, MonoTime start, const RingFigures& figures,
                                const std::optional<Packet>& keyframe, MonoTime now, const Clock& clock);
// The instant that it is to be shown from.
MonoTime wanted_start(const RecordingStart& request, milliseconds default_pre_roll, MonoTime now, const Clock& clock);

}  // namespace vedette
