#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "core/json.h"

// The part of the configuration that is about uploads by grants.
namespace vedette {

// `grant_origins` of the section upload; and for the target grant, what else in it has no effect (into `warnings`).
void read_grant_origins(JsonReader& r, Config::Upload& upload, std::vector<std::string>& warnings);

}  // namespace vedette
