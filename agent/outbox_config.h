#pragma once

#include "agent/config.h"
#include "core/json.h"

namespace vedette {

// Reads mqtt.outbox.
void read_outbox(JsonReader r, Config::Outbox& outbox);

}  // namespace vedette
