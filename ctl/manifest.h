#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/result.h"

namespace vedette::ctl {

// A clip's manifest (schemas/manifest.schema.json), as it was read from a file.
struct Manifest {
  std::filesystem::path file;
  std::string sha256;                    // of the file, which the next manifest of the chain must name
  std::string text;                      // what is signed
  std::optional<std::string> signature;  // raw bytes
  std::string key_id;                    // empty: it does not say that it is signed
  std::string device_id;
  std::string chain_id;
  int64_t sequence = 0;
  std::string previous_sha256;  // empty: it is the first
  bool chain_restarted = false;
  std::string clip_id;
  int64_t clip_bytes = 0;
  std::string clip_sha256;
};

// invalid_argument when the file is no manifest.
Result<Manifest> read_manifest(const std::filesystem::path& file);

}  // namespace vedette::ctl
