#include "storage/clip_remover.h"

#include <set>

#include "core/file.h"
#include "core/log.h"

namespace vedette {

namespace {

namespace fs = std::filesystem;

// A file or a folder that is not there any more is what was wanted.
Status or_gone(Status status) {
  if (!status && status.error().code == Code::not_found) return {};
  return status;
}

std::vector<std::string> each_once(const std::vector<std::string>& ids) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const std::string& id : ids)
    if (seen.insert(id).second) out.push_back(id);
  return out;
}

}  // namespace

Result<ClipRemover::Outcome> ClipRemover::remove(const std::vector<std::string>& clip_ids, const DeletionOrder& order,
                                                 const std::stop_token& stop) {
  if (auto there = check_volume(); !there) return there.error_as_is();
  auto deletions = begin(each_once(clip_ids), order);
  if (!deletions) return deletions.error_as_is();
  Outcome outcome;
  outcome.failed = std::move(deletions->refused);
  if (auto finished = finish(deletions->begun, outcome, stop); !finished) return finished.error_as_is();
  return outcome;
}

Result<ClipRemover::Outcome> ClipRemover::resume(int most, const std::stop_token& stop) {
  const auto begun = catalog_.deletions(most);
  if (!begun) return begun.error_as_is();
  Outcome outcome;
  if (auto finished = finish(*begun, outcome, stop); !finished) return finished.error_as_is();
  return outcome;
}

// On a full disk the rows that say what is to go need space first.
Result<DeletionsBegun> ClipRemover::begin(const std::vector<std::string>& clip_ids, const DeletionOrder& order) {
  auto deletions = catalog_.begin_deletions(clip_ids, order, clock_.utc());
  if (deletions || deletions.error().code != Code::no_space) return deletions;
  if (auto given = reserve_.give_up(); !given) return given.error_as_is();
  return catalog_.begin_deletions(clip_ids, order, clock_.utc());
}

Status ClipRemover::keep_reserve() {
  if (auto there = check_volume(); !there) return there;
  if (auto kept = command_reserve_.keep(); !kept) return kept;
  return reserve_.keep();
}

Status ClipRemover::give_up_command_reserve() {
  auto there = check_volume();
  return there ? command_reserve_.give_up() : there;
}

Status ClipRemover::finish(const std::vector<Deletion>& begun, Outcome& outcome, const std::stop_token& stop) {
  if (begun.empty()) return {};
  if (auto there = check_volume(); !there) return there;
  std::vector<Deletion> unlinked;
  std::set<fs::path> folders;
  for (const Deletion& deletion : begun) {
    if (stop.stop_requested()) break;
    const fs::path file = layout_.absolute(deletion.path);
    auto removed = or_gone(file::remove(file));
    // What the clip was made of, if it could not be removed then: else it would come back by recovery.
    if (removed && file.extension() != ".mp4")
      removed = or_gone(file::remove(Layout::part_path(Layout::with_container(file, Container::mp4))));
    for (const fs::path& beside : {Layout::poster_path(file), Layout::note_path(file)})
      if (removed) removed = or_gone(file::remove(beside));
    if (!removed) {
      outcome.failed.push_back({deletion.clip_id, removed.error()});
      continue;
    }
    folders.insert(file.parent_path());
    unlinked.push_back(deletion);
  }
  for (const fs::path& folder : folders)
    if (auto synced = or_gone(file::sync_directory(folder)); !synced) return synced;
  // What is missing on another volume is not deleted.
  if (auto there = check_volume(); !there) return there;
  if (auto ended = catalog_.end_deletions(unlinked, clock_.utc()); !ended) return ended;
  for (const Deletion& deletion : unlinked) {
    outcome.deleted.push_back(deletion.clip_id);
    outcome.bytes += deletion.size_bytes;
    log::info("clip deleted",
              {{"camera", deletion.camera_id}, {"clip_id", deletion.clip_id}, {"reason", deletion.reason}});
  }
  return {};
}

}  // namespace vedette
