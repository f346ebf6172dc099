#pragma once

#include "core/clock.h"
#include "core/json.h"

namespace vedette {

// The parameters of agent.diagnostics.
struct AgentDiagnostics {
  bool upload = true;
  milliseconds timeout{30'000};  // for the store to take the bundle
};
AgentDiagnostics read_agent_diagnostics(JsonReader& params);

}  // namespace vedette
