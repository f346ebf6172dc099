#pragma once

#include <optional>

#include "core/json.h"
#include "media/encode_settings.h"

// The part of the configuration that is about pictures that are encoded here.
namespace vedette {

// `encode` of a camera; nothing where there is none.
std::optional<EncodeSettings> read_encode_settings(JsonReader& camera);

// encode.slots: how many encoders may run at once. 0: as many as the machine has processors.
int read_encode_slots(JsonReader& document);

}  // namespace vedette
