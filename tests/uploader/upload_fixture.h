#pragma once

#include <filesystem>
#include <string>

#include "core/clock.h"
#include "core/file.h"
#include "core/ids.h"
#include "core/sha256.h"
#include "storage/catalog.h"
#include "tests/support/process.h"

namespace vedette::test {

// Bytes that differ from seed to seed.
inline std::string some_content(size_t size, unsigned seed = 1) {
  std::string out(size, '\0');
  uint32_t x = seed * 2654435761u + 1;
  for (char& c : out) {
    x = x * 1664525u + 1013904223u;
    c = static_cast<char>(x >> 24);
  }
  return out;
}

// Writes a clip's file below `root` and gives the upload that belongs to it.
inline Upload make_upload(const std::filesystem::path& root, const std::string& content) {
  Upload upload;
  upload.kind = "clip";
  upload.subject_id = new_id();
  upload.camera_id = "front";
  upload.path = "clips/" + upload.subject_id + ".mp4";
  upload.object_key = "edge-01/front/2026/11/20/" + upload.subject_id + ".mp4";
  upload.content_type = "video/mp4";
  upload.size_bytes = static_cast<int64_t>(content.size());
  upload.sha256 = sha256_hex(content);
  upload.start = *from_rfc3339("2026-11-20T08:31:29.123Z");
  upload.end = upload.start + 10s;
  std::filesystem::create_directories(root / "clips");
  write_text(root / upload.path, content);
  return upload;
}

}  // namespace vedette::test
