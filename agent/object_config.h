#pragma once

#include "agent/config_load.h"

// The part of the configuration that is about what the objects of a bucket are stored with: storage class, encryption,
// tags and metadata.
namespace vedette {

// Members of the section upload, whose target is known.
void read_object_options(JsonReader& r, Config::Upload& upload, ConfigLoad& load);

}  // namespace vedette
