#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/file.h"
#include "storage/catalog.h"
#include "storage/clip_remover.h"

namespace vedette {

// What may be kept. 0: no limit.
struct RetentionLimits {
  seconds max_age{0};          // from a clip's end
  int64_t max_bytes = 0;       // of all clips
  int64_t min_free_bytes = 0;  // on the file system
  std::map<std::string, int64_t> camera_max_bytes;
  bool delete_uploaded = false;  // what the store has goes here
  int most_per_pass = 100;       // clips
};

struct RetentionPass {
  int deleted = 0;
  bool more = false;  // there is more to delete: the next pass should come soon
  SpaceLevel level = SpaceLevel::ok;
};

// Retention deletes clips so that the limits hold: for each limit the oldest that the store has, or never was to have,
// and only when none of these is left, the oldest of the others, each of which is a loss (retention_before_upload).
// What is protected stays. Reads by index: a pass costs what it deletes. Used by one thread, never by the main loop.
//
// When free space falls below its floor, a little more is made than the floor asks for, so that not every packet calls
// for the next deletion: 5 % of it, 64 MiB at most. How much room is left is told by events, once per change:
// storage.low below twice the floor, storage.full below the floor when nothing may be deleted, storage.ok.
class Retention {
 public:
  using SpaceProbe = std::function<Result<file::Space>()>;

  // `space` is for tests; else that of the storage folder.
  Retention(const Layout& layout, Catalog& catalog, ClipRemover& remover, RetentionLimits limits, const Clock& clock,
            SpaceProbe space = {});

  void set_limits(RetentionLimits limits) { limits_ = std::move(limits); }
  Result<RetentionPass> pass(const std::stop_token& stop = {});

 private:
  Status end_what_was_begun(const std::stop_token& stop);
  Result<ClipRemover::Outcome> remove(const std::vector<std::string>& clip_ids, const std::string& reason,
                                      const std::stop_token& stop);
  Result<SpaceLevel> tell_level(bool nothing_left);

  Catalog& catalog_;
  ClipRemover& remover_;
  RetentionLimits limits_;
  const Clock& clock_;
  const SpaceProbe space_;
  bool making_room_ = false;    // from below the floor up to a little above it
  size_t stuck_deletions_ = 0;  // that were told of
  bool level_untold_ = false;   // its event cannot be written, which was logged
};

}  // namespace vedette
