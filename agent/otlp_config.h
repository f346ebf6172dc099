#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "core/json.h"

// The part of the configuration that is about the OpenTelemetry collector.
namespace vedette {

// The section otlp. Headers are secrets, and named by a reference only.
void read_otlp(JsonReader r, Config::Otlp& otlp, std::vector<std::string>& warnings);

}  // namespace vedette
