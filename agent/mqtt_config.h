#pragma once

#include "agent/config_load.h"

// The part of the configuration that is about the broker.
namespace vedette {

// The section mqtt. Credentials in a URL go to `username` and `password`.
void read_mqtt(JsonReader r, Config::Mqtt& mqtt, ConfigLoad& load);

}  // namespace vedette
