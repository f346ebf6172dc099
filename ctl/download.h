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

// Where it is until it is whole and right.
std::filesystem::path part_of(const std::filesystem::path& target);

// Fetches into part_of(target), a piece at a time, compares the SHA-256 and renames: `target` is there whole and right,
// or not at all. Where the SHA-256 is known, what was cut off stays, and the next call goes on behind it; content that
// is not right is removed. `progress` gets the bytes so far and in all
// (0: not known) while they come; fewer so far than before when a piece must be fetched again. Errors: those of
// HttpClient; not_found, forbidden and upload_failed for what the store answers; conflict when the content is not what
// it should be; busy when another process is at it.
Status download(const Download& what, const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace vedette::ctl
