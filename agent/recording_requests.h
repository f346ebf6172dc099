#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "storage/clip.h"

// The parameters of the verbs recording.*, and their readers; errors are collected by the JsonReader.
namespace vedette {

struct RecordingStart {
  std::string camera_id;
  std::optional<std::string> recording_id;
  std::optional<UtcTime> start;
  bool allow_late = false;
  std::optional<milliseconds> pre_roll;
  std::optional<milliseconds> duration;
  std::vector<std::string> labels;
  bool upload = true;
  Priority priority = Priority::normal;
  Container container = Container::mp4;
};
struct RecordingStop {
  std::optional<std::string> recording_id;
  std::optional<std::string> camera_id;
};
struct RecordingList {
  std::optional<std::string> camera_id;
};

RecordingStart read_recording_start(JsonReader& params);
RecordingStop read_recording_stop(JsonReader& params);
RecordingList read_recording_list(JsonReader& params);

}  // namespace vedette
