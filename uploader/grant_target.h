#pragma once

#include <memory>
#include <string>
#include <vector>

#include "uploader/grant_source.h"
#include "uploader/s3_config.h"
#include "uploader/target.h"

namespace vedette {

struct GrantConfig {
  // Where clips may go: "https://host[:port]", or "http://..." where that is wanted. Empty: to any host, by https.
  std::vector<std::string> origins;
  std::string ca_file;
  int64_t part_size_bytes = 8LL << 20;  // larger objects go in parts
  std::string proxy{};                  // as of S3Config
};

// A store that this box has no key for: the backend gives out a URL for each request, and tells in the end whether the
// object is there. `source` outlives the target.
std::unique_ptr<Target> make_grant_target(GrantConfig config, GrantSource& source, const Clock& clock = Clock::system(),
                                          S3Timeouts timeouts = {});

}  // namespace vedette
