#include "agent/upload_requests.h"

namespace vedette {

UploadPause read_upload_pause(JsonReader& r) {
  return {r.time("until")};
}

ClipUpload read_clip_upload(JsonReader& r) {
  ClipUpload p;
  p.clip_id = r.require("clip_id").uuid("clip_id").value_or("");
  if (const auto text = r.choice("priority", {"high", "normal", "low"})) p.priority = *priority_from(*text);
  p.force = r.boolean("force").value_or(false);
  if (const auto ms = r.integer("timeout_ms", 100, 86'400'000)) p.timeout = milliseconds(*ms);
  return p;
}

}  // namespace vedette
