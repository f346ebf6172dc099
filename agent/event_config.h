#pragma once

#include "agent/config.h"
#include "core/json.h"

// The part of the configuration that is about what cameras notice.
namespace vedette {

// `events`, `http_port`, `http_tls`, `event_hold_s` and `on_event` of a camera whose URL is read. `pre_roll` is for
// rules that name none.
void read_camera_events(JsonReader& r, milliseconds pre_roll, Config::Camera& camera);

}  // namespace vedette
