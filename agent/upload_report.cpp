#include "agent/upload_report.h"

#include <nlohmann/json.hpp>

namespace vedette::upload_report {

namespace {

const char* name_of(BreakerState state) {
  switch (state) {
    case BreakerState::open:
      return "open";
    case BreakerState::half_open:
      return "half_open";
    case BreakerState::closed:
      break;
  }
  return "closed";
}

Json sum_of(const UploadSum& sum) {
  return {{"rows", sum.rows}, {"bytes", sum.bytes}, {"oldest_s", sum.oldest_s}};
}

Json queue_of(const UploadFigures& figures) {
  Json queue = sum_of(figures);
  queue["by_priority"] = Json::object();
  for (const auto& [priority, sum] : figures.by_priority)
    queue["by_priority"][std::string(to_string(priority))] = sum_of(sum);
  queue["last_error"] = figures.last_error.empty() ? Json(nullptr) : Json(figures.last_error);
  return queue;
}

Json running_of(const UploadActivity& activity) {
  Json running = Json::array();
  for (const UploadProgress& one : activity.under_way)
    running.push_back({{"kind", one.upload.kind},
                       {"subject_id", one.upload.subject_id},
                       {"object_key", one.upload.object_key},
                       {"priority", to_string(one.upload.priority)},
                       {"forced", one.upload.forced},
                       {"sent_bytes", one.sent_bytes},
                       {"size_bytes", one.upload.size_bytes}});
  return running;
}

Json target_of(const UploadActivity& activity, const TargetEndpoints& endpoints, const Clock& clock) {
  Json target = {{"breaker", name_of(activity.breaker)}, {"failures", activity.failures}};
  if (activity.next_probe && *activity.next_probe > clock.mono())
    target["next_try"] = to_rfc3339(clock.to_utc(*activity.next_probe));
  if (endpoints.urls.empty()) return target;
  target["endpoint"] = endpoints.urls[endpoints.current];
  target["fallback"] = endpoints.is_fallback();
  return target;
}

}  // namespace

Json status(const Facts& facts, const Clock& clock) {
  const bool for_ever = facts.paused_until == Catalog::kForEver;
  Json json = {{"queue", queue_of(facts.queue)}, {"paused", facts.paused_until.has_value()}};
  if (facts.paused_until && !for_ever) json["paused_until"] = to_rfc3339(*facts.paused_until);
  if (facts.window) {
    json["window"] = {{"open", facts.window->open}};
    if (facts.window->next_change) json["window"]["next_change"] = to_rfc3339(*facts.window->next_change);
  }
  json["waits_for"] = facts.gate.open ? Json(nullptr) : Json(facts.gate.reason);
  json["max_bandwidth_bps"] = facts.max_bits_per_s;
  json["bps"] = facts.activity.bits_per_s;
  json["most_at_once"] = facts.activity.lanes;
  json["running"] = running_of(facts.activity);
  json["target"] = target_of(facts.activity, facts.endpoints, clock);
  return json;
}

Json proof(const Upload& upload) {
  return {{"clip_id", upload.subject_id},
          {"object_key", upload.object_key},
          {"etag", upload.etag.value_or("")},
          {"size_bytes", upload.size_bytes},
          {"sha256", upload.sha256}};
}

Json progress(const Upload& upload, int64_t sent_bytes, int64_t bits_per_s) {
  return {{"clip_id", upload.subject_id},
          {"sent_bytes", sent_bytes},
          {"size_bytes", upload.size_bytes},
          {"bps", bits_per_s}};
}

}  // namespace vedette::upload_report
