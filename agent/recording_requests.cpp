#include "agent/recording_requests.h"

#include "agent/clip_wishes.h"

namespace vedette {

namespace {

constexpr int64_t kDayMs = 86'400'000;

}  // namespace

RecordingStart read_recording_start(JsonReader& r) {
  RecordingStart p;
  p.camera_id = r.require("camera_id").name("camera_id").value_or("");
  p.recording_id = r.name("recording_id");
  p.start = r.time("start");
  p.allow_late = r.boolean("allow_late").value_or(false);
  if (auto ms = r.integer("pre_roll_ms", 0, 3'600'000)) p.pre_roll = milliseconds(*ms);
  if (auto ms = r.integer("duration_ms", 1, kDayMs)) p.duration = milliseconds(*ms);
  read_clip_wishes(r, p);
  if (r.has("start") && r.has("pre_roll_ms")) r.error("pre_roll_ms", "cannot be given together with start");
  return p;
}

RecordingStop read_recording_stop(JsonReader& r) {
  RecordingStop p;
  p.recording_id = r.name("recording_id");
  p.camera_id = r.name("camera_id");
  if (!r.has("recording_id") && !r.has("camera_id")) r.error("recording_id", "is required, or camera_id");
  return p;
}

RecordingList read_recording_list(JsonReader& r) {
  return RecordingList{r.name("camera_id")};
}

}  // namespace vedette
