#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "core/result.h"

namespace vedette::ctl {

struct Download {
  std::string url;      // presigned: never shown
  std::string ca_file;  // of the object store; empty: the system's
  std::filesystem::path target;
  std::string sha256;  // what it must be; empty: not known
};

// Fetches into `target`.part, a piece at a time, compares the SHA-256 and renames: `target` is there whole and right,
// or not at all. `progress` gets the bytes so far and in all. Errors: those of HttpClient; not_found, forbidden and
// upload_failed for what the store answers; conflict when the content is not what it should be.
Status download(const Download& what, const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace vedette::ctl
