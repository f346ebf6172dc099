#pragma once

#include "agent/config_load.h"

// The part of the configuration that is about where clips go. Of credentials and grants: credentials_config,
// grant_config.
namespace vedette {

// The section upload. Its windows are in `zone` where they name none.
void read_upload(JsonReader r, Config::Upload& upload, const TimeZone& zone, ConfigLoad& load);

}  // namespace vedette
