#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "storage/catalog.h"
#include "storage/clip.h"
#include "storage/loss_ledger.h"

// The parameters of the verbs about what is kept (clip.*, timeline.query, loss.query, storage.status), and their
// readers; errors are collected by the JsonReader. clip.upload stands in upload_requests.
namespace vedette {

struct ClipCreate {
  std::string camera_id;
  UtcTime start;
  UtcTime end;
  std::vector<std::string> labels;
  bool upload = true;
  Priority priority = Priority::normal;
  Container container = Container::mp4;
};
struct ClipQueryRequest {
  ClipQuery query;
};
struct ClipGet {
  std::string clip_id;
};
struct ClipUrl {
  std::string clip_id;
  seconds ttl{3600};
};
struct ClipProtect {
  std::string clip_id;
  bool wanted = true;
  std::optional<UtcTime> until;
};
struct ClipDelete {
  std::vector<std::string> clip_ids;
  bool force = false;
};
struct TimelineQuery {
  std::string camera_id;
  UtcTime from;
  UtcTime to;
};
struct LossQueryRequest {
  LossQuery query;
};
struct StorageStatus {};

ClipCreate read_clip_create(JsonReader& params);
ClipQueryRequest read_clip_query(JsonReader& params);
ClipGet read_clip_get(JsonReader& params);
ClipUrl read_clip_url(JsonReader& params);
ClipProtect read_clip_protect(JsonReader& params);
ClipDelete read_clip_delete(JsonReader& params);
TimelineQuery read_timeline_query(JsonReader& params);
LossQueryRequest read_loss_query(JsonReader& params);

}  // namespace vedette
