#pragma once

#include <optional>

#include "agent/upload_windows.h"
#include "core/clock.h"
#include "core/json.h"
#include "storage/catalog.h"
#include "uploader/upload_engine.h"

// What is said of uploads, as schemas/ has it.
namespace vedette::upload_report {

struct Facts {
  UploadFigures queue;
  UploadGate gate;
  std::optional<UtcTime> paused_until;  // Catalog::kForEver: until somebody resumes them
  std::optional<UploadWindows::State> window;
  int64_t max_bits_per_s = 0;
  UploadActivity activity;
  TargetEndpoints endpoints;
};
// The result of upload.status, upload.pause and upload.resume.
Json status(const Facts& facts, const Clock& clock);

// The result of clip.upload.
Json proof(const Upload& upload);
// How far one is: of its event, and of replies that come before the last.
Json progress(const Upload& upload, int64_t sent_bytes, int64_t bits_per_s);

}  // namespace vedette::upload_report
