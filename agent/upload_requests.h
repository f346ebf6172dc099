#pragma once

#include <optional>
#include <string>

#include "core/clock.h"
#include "core/json.h"
#include "storage/clip.h"

namespace vedette {

// The parameters of the verbs about uploads, read and checked.
struct UploadPause {
  std::optional<UtcTime> until;  // nothing: until upload.resume
};
struct UploadResume {};
struct UploadStatus {};
struct ClipUpload {
  std::string clip_id;
  Priority priority = Priority::high;
  bool force = false;
  milliseconds timeout{600'000};  // of the answer; the upload goes on
};

UploadPause read_upload_pause(JsonReader& r);
ClipUpload read_clip_upload(JsonReader& r);

}  // namespace vedette
