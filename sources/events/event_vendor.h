#pragma once

#include <optional>
#include <string_view>

#include "core/result.h"
#include "sources/events/camera_event.h"

namespace vedette {

// How the cameras of one maker tell what they notice: over HTTP, by an answer that never ends.
struct EventVendor {
  std::string_view scheme;  // of the cameras' URLs
  std::string_view target;  // of the request
  std::optional<CameraSign> (*read)(std::string_view part);
  bool repeats;  // what goes on is said again and again
};

// That for a camera's URL; unsupported says which there are.
Result<EventVendor> event_vendor(std::string_view url);

}  // namespace vedette
