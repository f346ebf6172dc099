#pragma once

#include <optional>
#include <string_view>

#include "sources/events/camera_event.h"

namespace vedette {

// A part of what a Dahua camera answers to eventManager.cgi?action=attach (Dahua's HTTP API for cameras):
// "Code=VideoMotion;action=Start;index=0[;data={...}]". Nothing for a heartbeat and all else.
std::optional<CameraSign> read_dahua_event(std::string_view part);

}  // namespace vedette
