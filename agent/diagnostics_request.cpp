#include "agent/diagnostics_request.h"

namespace vedette {

AgentDiagnostics read_agent_diagnostics(JsonReader& params) {
  AgentDiagnostics p;
  if (const auto upload = params.choice("upload", {"auto", "never"})) p.upload = *upload == "auto";
  if (const auto timeout = params.integer("timeout_ms", 100, 120'000)) p.timeout = milliseconds(*timeout);
  return p;
}

}  // namespace vedette
