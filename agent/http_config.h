#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "core/json.h"

// The part of the configuration that is about the HTTP listener.
namespace vedette {

// The section http. Where others than this machine can ask there must be a token.
void read_http(JsonReader r, Config::Http& http, std::vector<std::string>& warnings);

}  // namespace vedette
