#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"

namespace vedette {

// A fresh UUIDv7 (RFC 9562), lower case: ordered by creation time within this process, random otherwise.
std::string new_id();
std::string new_id(UtcTime now);

// Whether the text is a UUID in lower case (any version: ids made by others are taken as they are).
bool is_uuid(std::string_view text);

// A device or camera id: ^[a-z0-9][a-z0-9_-]{0,62}$. What passes is safe in a path, a topic and an object key.
bool is_name(std::string_view text);

}  // namespace vedette
