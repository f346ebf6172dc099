#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "storage/catalog.h"
#include "storage/deletion.h"
#include "storage/layout.h"
#include "storage/reserve.h"
#include "storage/volume.h"

namespace vedette {

// ClipRemover takes clips off the disk and out of the catalog, in the order of docs/design/storage.md (Delete), so that
// a kill between any two steps leaves what recovery can end. It waits for the disk: not for the main loop. Used by one
// thread at a time.
class ClipRemover {
 public:
  // Without a volume, the layout is believed to lead to the right one.
  ClipRemover(const Layout& layout, Catalog& catalog, const Clock& clock, const Volume* volume = nullptr)
      : layout_(layout),
        catalog_(catalog),
        clock_(clock),
        volume_(volume),
        reserve_(layout.reserve(), Reserve::kForDeletions),
        command_reserve_(layout.command_reserve(), Reserve::kForCommand) {}

  struct Outcome {
    std::vector<std::string> deleted;
    std::vector<DeletionRefused> failed;
    int64_t bytes = 0;  // of those that were deleted
  };
  // All in two transactions. An error: none was deleted. A stop leaves what is not done for the next start.
  Result<Outcome> remove(const std::vector<std::string>& clip_ids, const DeletionOrder& order,
                         const std::stop_token& stop = {});
  // Goes on with what was begun and not ended: by a kill, or because the disk did not allow it. At most `most` clips.
  Result<Outcome> resume(int most, const std::stop_token& stop = {});

  // Holds space back, so that deleting works on a full disk. no_space: not now.
  Status keep_reserve();
  // Lets go what is kept for the command that asks for it. Any thread.
  Status give_up_command_reserve();

  // Whether anything may be deleted: forbidden when another volume is in the place of ours.
  Status check_volume() const { return volume_ ? volume_->check() : Status(); }

 private:
  Result<DeletionsBegun> begin(const std::vector<std::string>& clip_ids, const DeletionOrder& order);
  Status finish(const std::vector<Deletion>& begun, Outcome& outcome, const std::stop_token& stop);

  const Layout& layout_;
  Catalog& catalog_;
  const Clock& clock_;
  const Volume* const volume_;
  Reserve reserve_;
  Reserve command_reserve_;
};

}  // namespace vedette
