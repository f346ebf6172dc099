#include "storage/loss.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vedette {

Json to_json(const Loss& loss) {
  Json json;
  json["loss_id"] = loss.loss_id;
  json["at"] = to_rfc3339(loss.at);
  json["what"] = loss.what;
  if (!loss.camera_id.empty()) json["camera_id"] = loss.camera_id;
  if (!loss.clip_id.empty()) json["clip_id"] = loss.clip_id;
  json["start"] = to_rfc3339(loss.start);
  json["end"] = to_rfc3339(loss.end);
  json["packets"] = loss.packets;
  json["bytes"] = loss.bytes;
  json["reason"] = loss.reason;
  return json;
}

bool join(Loss& kept, const Loss& loss) {
  if (kept.what != loss.what || kept.camera_id != loss.camera_id || kept.reason != loss.reason) return false;
  if (kept.clip_id != loss.clip_id) kept.clip_id.clear();
  kept.start = std::min(kept.start, loss.start);
  kept.end = std::max(kept.end, loss.end);
  kept.packets += loss.packets;
  kept.bytes += loss.bytes;
  return true;
}

}  // namespace vedette
