#pragma once

#include <string>

#include "core/clock.h"
#include "core/json.h"

namespace vedette {

// Something that was due and is not there.
struct Loss {
  std::string loss_id;
  UtcTime at;
  std::string what;       // "packets", "clip", "event"
  std::string camera_id;  // or empty
  std::string clip_id;    // or empty
  UtcTime start;
  UtcTime end;
  int64_t packets = 0;
  int64_t bytes = 0;
  std::string reason;  // "reader_late", "no_space", "file_damaged", ...
  // Time truth: in which boot of the machine its times were told, and by which offset between the clocks. Empty: its
  // times are those of something else, a clip that was deleted say.
  std::string boot_id = {};
  microseconds clock_offset{0};
  bool clock_synced = false;
};

Json to_json(const Loss& loss);

// Makes one row of two, which then spans both and says less exactly what is missing. False, and nothing is changed:
// they are not of one kind, camera and reason.
bool join(Loss& kept, const Loss& loss);

}  // namespace vedette
