#pragma once

#include "agent/config_load.h"

// The part of the configuration that is about cameras. Of what they notice, and of encoding: event_config,
// encode_config.
namespace vedette {

// The section cameras, into `config.cameras`. What `config.recording` and `load.plugins` hold counts for all of them,
// and is read before.
void read_cameras(JsonReader r, Config& config, ConfigLoad& load);

}  // namespace vedette
