#pragma once

#include "agent/config.h"
#include "core/json.h"

namespace vedette {

// The configuration that counts, defaults included, in the shape of the file, for people who look for a fault. Secrets
// are not in it: where there is one, it says "***".
Json config_dump(const Config& config);

}  // namespace vedette
