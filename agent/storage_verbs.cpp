#include "agent/storage_verbs.h"

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "storage/coverage.h"

namespace vedette::storage_verbs {

namespace {

constexpr size_t kMostSpans = 1000;  // of a timeline
constexpr auto kMostHours = std::chrono::hours(1000);
constexpr int kMostClips = 10'000;  // that are read for one: a month of 5 minutes each

Json to_json(const CameraUsage& usage, int64_t most_bytes) {
  const ClipSum all = usage.all();
  Json json = {{"camera_id", usage.camera_id}, {"clips", all.clips}, {"bytes", all.bytes}, {"max_bytes", most_bytes}};
  if (usage.oldest) json["oldest"] = to_rfc3339(*usage.oldest);
  json["by_state"] = Json::object();
  for (const auto& [state, sum] : usage.by_state)
    json["by_state"][std::string(to_string(state))] = {{"clips", sum.clips}, {"bytes", sum.bytes}};
  return json;
}

// Those that have clips and those that are configured, by name.
std::map<std::string, CameraUsage> all_cameras(const Config& config, const std::vector<CameraUsage>& usage) {
  std::map<std::string, CameraUsage> cameras;
  for (const auto& [id, camera] : config.cameras) cameras[id].camera_id = id;
  for (const CameraUsage& camera : usage) cameras[camera.camera_id] = camera;
  return cameras;
}

}  // namespace

messages::Answer timeline(const Catalog& catalog, const LossLedger& losses, const TimelineQuery& request, UtcTime now) {
  if (request.from >= request.to)
    return messages::rejected({Code::invalid_argument, "/params/to: must be later than from"});
  const auto spans = catalog.spans(request.camera_id, request.from, request.to, kMostClips + 1);
  if (!spans) return messages::refused(spans.error());
  const auto missing = losses.of_camera(request.camera_id, request.from, request.to, kMostClips);
  if (!missing) return messages::refused(missing.error());
  const Coverage found = coverage(*spans, *missing, request.from, request.to, now);
  if (spans->size() > kMostClips || found.covered.size() + found.gaps.size() > kMostSpans)
    return messages::rejected({Code::invalid_argument, "/params/to: more than " + std::to_string(kMostSpans) +
                                                           " spans lie in that time: ask for less of it"});
  Json covered = Json::array();
  for (const Span& span : found.covered) covered.push_back({to_rfc3339(span.start), to_rfc3339(span.end)});
  Json result = {{"covered", std::move(covered)}, {"gaps", gaps_to_json(found.gaps)}};
  if (request.to - request.from <= kMostHours) {
    Json& hours = result["coverage"] = Json::array();
    for (const HourCoverage& hour : by_hour(found.covered, request.from, request.to))
      hours.push_back({{"hour", to_rfc3339(hour.hour)}, {"coverage_pct", hour.coverage_pct}});
  }
  return messages::succeeded(std::move(result));
}

messages::Answer losses(const LossLedger& losses, const LossQuery& query) {
  const auto page = losses.query(query);
  if (!page) return messages::refused(page.error());
  Json json = Json::array();
  for (const Loss& loss : page->losses) json.push_back(vedette::to_json(loss));
  return messages::succeeded({{"losses", std::move(json)},
                              {"next_cursor", page->next_cursor.empty() ? Json(nullptr) : Json(page->next_cursor)}});
}

messages::Answer status(const Config& config, const Catalog& catalog) {
  const Config::Storage& storage = config.storage;
  const auto space = file::space(storage.path);
  if (!space) return messages::failed(space.error());
  const auto usage = catalog.usage();
  if (!usage) return messages::failed(usage.error());
  int64_t used_bytes = 0;
  Json cameras = Json::array();
  for (const auto& [id, camera] : all_cameras(config, *usage)) {
    const auto configured = config.cameras.find(id);
    cameras.push_back(to_json(camera, configured == config.cameras.end() ? 0 : configured->second.max_bytes));
    used_bytes += camera.all().bytes;
  }
  return messages::succeeded({{"total_bytes", space->total_bytes},
                              {"free_bytes", space->free_bytes},
                              {"used_bytes", used_bytes},
                              {"limits",
                               {{"max_bytes", storage.max_bytes},
                                {"max_age_s", storage.max_age.count()},
                                {"min_free_bytes", storage.min_free_bytes}}},
                              {"cameras", std::move(cameras)}});
}

}  // namespace vedette::storage_verbs
