#pragma once

#include <optional>
#include <string_view>

#include "sources/events/camera_event.h"

namespace vedette {

// A part of a Hikvision camera's alertStream (ISAPI): an EventNotificationAlert in XML. Its heartbeat looks like the
// end of something that never began, a "videoloss" that is "inactive". Nothing for all else, pictures say.
std::optional<CameraSign> read_hik_alert(std::string_view part);

}  // namespace vedette
