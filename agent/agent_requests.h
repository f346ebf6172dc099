#pragma once

#include <optional>
#include <string>

#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "storage/command_log.h"

// The parameters of the verbs about the agent itself, its configuration and commands, and their readers; errors are
// collected by the JsonReader.
namespace vedette {

struct CommandCancel {
  std::string command_id;
};
struct AuditQueryRequest {
  AuditQuery query;
};
struct AgentPing {};
struct AgentRebirth {};
struct AgentLogLevel {
  log::Level level = log::Level::info;
  seconds ttl{3600};
};
struct ConfigReport {};

CommandCancel read_command_cancel(JsonReader& params);
AuditQueryRequest read_audit_query(JsonReader& params);
AgentLogLevel read_agent_log_level(JsonReader& params);

}  // namespace vedette
