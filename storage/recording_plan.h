#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "storage/clip.h"

namespace vedette {

// What a recording is to be, as far as a restart must know it to begin it in our place.
struct RecordingPlan {
  UtcTime start;
  std::optional<UtcTime> end;
  bool upload = true;
  Priority priority = Priority::normal;
  Container container = Container::mp4;
  std::vector<std::string> labels;
  std::string command_id;
  std::string traceparent;
};

// As it is kept in the catalog (JSON), and back; nothing for what is not one.
std::string to_text(const RecordingPlan& plan);
std::optional<RecordingPlan> recording_plan_from(const std::string& text);

}  // namespace vedette
