#include "agent/agent_requests.h"

namespace vedette {

namespace {

constexpr int64_t kDayS = 86'400;

}  // namespace

CommandCancel read_command_cancel(JsonReader& r) {
  return {r.require("command_id").uuid("command_id").value_or("")};
}

AuditQueryRequest read_audit_query(JsonReader& r) {
  AuditQuery q;
  q.from = r.time("from");
  q.to = r.time("to");
  q.actor = r.string("actor", 0, 128);
  q.verb = r.string("verb", 1, 64);
  q.camera_id = r.name("camera_id");
  q.status = r.choice("status", {"in_progress", "succeeded", "failed", "cancelled", "rejected", "expired"});
  q.limit = static_cast<int>(r.integer("limit", 1, 200).value_or(50));
  q.cursor = r.string("cursor", 1, 1024).value_or("");
  return {std::move(q)};
}

AgentLogLevel read_agent_log_level(JsonReader& r) {
  AgentLogLevel p;
  if (const auto level = r.require("level").choice("level", {"trace", "debug", "info", "warn", "error"}))
    log::parse_level(*level, p.level);
  if (const auto ttl = r.integer("ttl_s", 1, kDayS)) p.ttl = seconds(*ttl);
  return p;
}

}  // namespace vedette
