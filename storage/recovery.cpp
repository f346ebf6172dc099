#include "storage/recovery.h"

#include <climits>
#include <map>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/ids.h"
#include "core/log.h"
#include "media/mp4_finalize.h"
#include "media/remux.h"
#include "storage/boot_clocks.h"
#include "storage/clip_remover.h"
#include "storage/found_clip.h"
#include "storage/redater.h"
#include "storage/settle.h"

namespace vedette {

namespace {

namespace fs = std::filesystem;

constexpr size_t kBatch = 200;   // rows in one transaction
constexpr int kProgress = 1000;  // a line in the log for so many
constexpr JsonLimits kMetadataLimits{1024 * 1024, 16, 8192, false};

// Whether the disk, and not the file, is at fault: then the file is left for the next start.
bool may_pass(Code code) {
  return code == Code::no_space || code == Code::forbidden || code == Code::busy || code == Code::not_found ||
         code == Code::internal;
}

// Killed before its first fragment was written: nothing is broken, there is just nothing yet. What has more in it than
// its head may be footage, whatever is wrong with it.
bool holds_nothing(const fs::path& file) {
  std::error_code ignored;
  return fs::file_size(file, ignored) == 0 || mp4_is_head_alone(file).value_or(false);
}

void leave_for_next_start(const fs::path& file, const Error& why) {
  log::error("clip not recovered yet", {{"file", file.string()}, {"error", why.message}});
}

// What was made of the file of an open clip.
struct Whole {
  Clip clip;
  Mp4Summary summary;
};

class Recovery {
 public:
  Recovery(const Layout& layout, Catalog& catalog, LossLedger& losses, const Clock& clock)
      : layout_(layout), catalog_(catalog), losses_(losses), clock_(clock), clocks_(load_boot_clocks(layout)) {}

  Result<RecoveryResult> run();

 private:
  Status load_rows();
  Status finish_deletions();
  void empty_work();
  void remove_lone(const std::vector<fs::path>& notes);
  Result<std::vector<FoundClip>> files_to_recover();
  bool is_closed(const FoundClip& found);
  Result<std::optional<Clip>> closed_clip(const FoundClip& found);
  void remove_left_over(const fs::path& file);
  bool will_be_made_again(const FoundClip& found);
  Status recover_file(const FoundClip& found);
  Result<Whole> make_whole(const FoundClip& found, const fs::path& file);
  Status enter(Whole whole);
  Result<Clip> read_closed(const FoundClip& found, const fs::path& file);
  Status index_closed(Clip ready);
  Status flush_index();
  Result<Clip> identify(const FoundClip& found, const fs::path& file);
  void set_aside(const FoundClip& found, const fs::path& file, const Error& why);
  void forget_empty(const FoundClip& found, const fs::path& file);
  void quarantine(const FoundClip& found, const fs::path& file, const std::string& why);
  void forget_rows_without_file();
  void record_loss(const std::string& camera_id, const std::string& clip_id, const std::string& reason);

  const Layout& layout_;
  Catalog& catalog_;
  LossLedger& losses_;
  const Clock& clock_;
  const BootClocks clocks_;
  std::map<std::string, Clip> open_rows_;  // by clip id; what is left at the end has no file
  std::vector<Catalog::Found> index_;      // to be committed together
  RecoveryResult result_;
};

Status Recovery::load_rows() {
  const auto rows = catalog_.unfinished_clips();
  if (!rows) return rows.error_as_is();
  for (const Clip& clip : *rows) open_rows_.emplace(clip.clip_id, clip);
  return {};
}

// What cannot be deleted now stays `deleting`, and nobody gets it meanwhile.
Status Recovery::finish_deletions() {
  ClipRemover remover(layout_, catalog_, clock_);
  const auto ended = remover.resume(INT_MAX);
  if (!ended) return ended.error_as_is();
  for (const DeletionRefused& clip : ended->failed)
    log::warn("clip not deleted yet", {{"clip_id", clip.clip_id}, {"error", clip.error.message}});
  return {};
}

// What was to be made of clips that are still there.
void Recovery::empty_work() {
  std::error_code error;
  fs::remove_all(layout_.work(), error);
  if (error) log::warn("the folder of unfinished work is not emptied", {{"error", error.message()}});
}

// What is written in the file, or beside it.
Result<std::string> metadata_of(Container container, const fs::path& closed, const fs::path& file) {
  if (container != Container::mp4) return remuxed_metadata(file, container);
  auto note = file::read(Layout::note_path(closed), kMetadataLimits.most_bytes);
  if (note || note.error().code != Code::not_found) return note;
  return mp4_metadata(file);
}

// What clip the file is, by the row when there is one, else by what is written in the file.
Result<Clip> Recovery::identify(const FoundClip& found, const fs::path& file) {
  if (const auto row = open_rows_.find(found.clip_id); row != open_rows_.end()) return row->second;
  const auto text = metadata_of(found.container, layout_.absolute(found.path), file);
  if (!text) return text.error_as_is();
  const auto json = parse_json(*text, kMetadataLimits);
  if (!json) return json.error_with("metadata");
  auto clip = clip_from_metadata(*json);
  if (!clip) return clip;
  if (clip->clip_id != found.clip_id || clip->camera_id != found.camera_id)
    return fail(Code::invalid_argument, "it says that it is clip " + clip->clip_id + " of " + clip->camera_id);
  // The wall clock may have been set after the file was made.
  if (const auto boot = clocks_.find(clip->boot_id); boot != clocks_.end())
    return moved_to(std::move(*clip), UtcTime(microseconds(clip->mono_start_us) + boot->second));
  return clip;
}

Result<Whole> Recovery::make_whole(const FoundClip& found, const fs::path& file) {
  auto clip = identify(found, file);
  if (!clip) return clip.error_as_is();
  const auto summary = is_imported(*clip) ? summary_of_imported(*clip, file) : repair(file);
  if (!summary) return summary.error_as_is();
  if (summary->shown <= microseconds(0)) return fail(Code::invalid_argument, "not one frame of it is shown");
  clip->path = found.path;
  clip->recovered = true;
  return Whole{std::move(*clip), *summary};
}

Status Recovery::enter(Whole whole) {
  const Clip& clip = whole.clip;
  // An id is not to be used again, also when it is only known from its clips. First: a clip that is ready is not looked
  // at again.
  const auto known = catalog_.recording(clip.recording_id);
  if (!known) return known.error_as_is();
  if (!*known)
    if (auto kept = catalog_.remember_recording(clip.recording_id, clip.camera_id, clip.start); !kept) return kept;
  const auto settled = settle(layout_, catalog_, std::move(whole.clip), whole.summary, "clip.recovered", clock_.utc());
  if (!settled) return settled.error_as_is();
  log::info("clip recovered", {{"camera", settled->camera_id}, {"clip_id", settled->clip_id}});
  return {};
}

Result<Clip> closed_mp4(Clip clip, const fs::path& file) {
  const auto summary = is_imported(clip) ? summary_of_imported(clip, file) : mp4_finalize(file);
  if (!summary) return summary.error_as_is();
  return ready_clip(std::move(clip), *summary);
}

// Such a file was given its metadata when all was known of the clip.
Result<Clip> closed_other(Clip clip, const fs::path& file) {
  if (!clip.end) return fail(Code::invalid_argument, "it does not say when the clip ends");
  const auto digest = digest_of(file);
  if (!digest) return digest.error_as_is();
  clip.state = ClipState::ready;
  clip.size_bytes = digest->size_bytes;
  set_hash(clip, digest->hash);
  return clip;
}

// A closed clip that the catalog does not know: it was closed in order once, and nobody is told of it again.
Result<Clip> Recovery::read_closed(const FoundClip& found, const fs::path& file) {
  auto clip = identify(found, file);
  if (!clip) return clip;
  clip->path = found.path;
  clip->container = found.container;  // it may have stayed an MP4
  return found.container == Container::mp4 ? closed_mp4(std::move(*clip), file) : closed_other(std::move(*clip), file);
}

Status Recovery::index_closed(Clip ready) {
  auto upload = upload_of(layout_, ready, clock_.utc());
  index_.push_back({std::move(ready), std::move(upload)});
  ++result_.indexed;
  if (result_.indexed % kProgress == 0) log::info("clips indexed", {{"clips", result_.indexed}});
  return index_.size() < kBatch ? Status{} : flush_index();
}

Status Recovery::flush_index() {
  auto written = catalog_.index_clips(index_);
  index_.clear();
  return written;
}

// What cannot be made a clip. Footage is never removed: only what has none goes.
void Recovery::set_aside(const FoundClip& found, const fs::path& file, const Error& why) {
  if (may_pass(why.code)) return leave_for_next_start(file, why);
  if (found.part && why.code == Code::invalid_argument && holds_nothing(file)) return forget_empty(found, file);
  quarantine(found, file, why.message);
}

void Recovery::forget_empty(const FoundClip& found, const fs::path& file) {
  if (auto removed = file::remove(file); !removed) {
    log::warn("empty clip not removed", {{"file", file.string()}, {"error", removed.error().message}});
    return;
  }
  record_loss(found.camera_id, found.clip_id, "killed_before_first_frame");
  ++result_.forgotten;
  if (auto gone = catalog_.forget_clip(found.clip_id); !gone)
    log::warn("row not removed", {{"clip_id", found.clip_id}, {"error", gone.error().message}});
}

void Recovery::quarantine(const FoundClip& found, const fs::path& file, const std::string& why) {
  fs::path to = layout_.quarantine() / file.filename();
  std::error_code ignored;
  if (fs::exists(to, ignored)) to.concat(".").concat(new_id());
  auto moved = file::make_directories(layout_.quarantine());
  if (moved) moved = file::rename(file, to);
  if (moved) moved = file::sync_directory(layout_.quarantine());
  if (!moved) {
    log::error("damaged clip not moved away", {{"file", file.string()}, {"error", moved.error().message}});
    return;
  }
  log::error("damaged clip moved to quarantine", {{"file", to.string()}, {"why", why}});
  record_loss(found.camera_id, found.clip_id, "file_damaged");
  ++result_.quarantined;
  if (auto gone = catalog_.forget_clip(found.clip_id); !gone)
    log::warn("row not removed", {{"clip_id", found.clip_id}, {"error", gone.error().message}});
}

// Whether the catalog has a closed clip of that id. When it cannot be asked, nothing is done about the file.
bool Recovery::is_closed(const FoundClip& found) {
  return open_rows_.count(found.clip_id) == 0 && catalog_.has_clip(found.clip_id).value_or(true);
}

// The closed clip of that id, if the catalog has one.
Result<std::optional<Clip>> Recovery::closed_clip(const FoundClip& found) {
  if (open_rows_.count(found.clip_id) > 0) return std::nullopt;
  auto clip = catalog_.clip(found.clip_id);
  if (clip) return std::optional(std::move(*clip));
  if (clip.error().code == Code::not_found) return std::nullopt;
  return clip.error_as_is();
}

// The MP4 of a clip that was given another container, and was not removed any more.
void Recovery::remove_left_over(const fs::path& file) {
  auto removed = file::remove(file);
  if (removed) removed = file::sync_directory(file.parent_path());
  if (!removed)
    log::warn("the MP4 of a clip is not removed", {{"file", file.string()}, {"error", removed.error().message}});
}

// Whether it is what recovery will make again of the MP4.
bool Recovery::will_be_made_again(const FoundClip& found) {
  if (found.container == Container::mp4) return false;
  std::error_code ignored;
  return fs::exists(Layout::part_path(Layout::with_container(layout_.absolute(found.path), Container::mp4)), ignored);
}

// Fails when the catalog takes no closed clips, of which this file is only the last. What it does not take is never the
// fault of a file.
Status Recovery::recover_file(const FoundClip& found) {
  const fs::path closed = layout_.absolute(found.path);
  const fs::path file = found.part ? Layout::part_path(closed) : closed;
  const auto known = closed_clip(found);
  if (catalog_.is_damaged()) return {};  // what it says of a file is worth nothing
  if (!known) {
    leave_for_next_start(file, known.error());
  } else if (*known && found.part && (*known)->container != Container::mp4) {
    remove_left_over(file);
  } else if (*known) {
    quarantine(found, file, "a clip of this name is closed already");
  } else if (found.part || open_rows_.count(found.clip_id) > 0) {
    auto whole = make_whole(found, file);
    if (!whole) {
      set_aside(found, file, whole.error());
    } else if (auto entered = enter(std::move(*whole)); entered) {
      ++result_.recovered;
    } else {
      leave_for_next_start(file, entered.error());
    }
  } else if (auto ready = read_closed(found, file); ready) {
    return index_closed(std::move(*ready));
  } else {
    set_aside(found, file, ready.error());
  }
  return {};
}

void Recovery::forget_rows_without_file() {
  for (const auto& [clip_id, clip] : open_rows_) {
    record_loss(clip.camera_id, clip_id, "file_missing");
    ++result_.forgotten;
    if (auto gone = catalog_.forget_clip(clip_id); !gone)
      log::warn("row not removed", {{"clip_id", clip_id}, {"error", gone.error().message}});
  }
}

void Recovery::record_loss(const std::string& camera_id, const std::string& clip_id, const std::string& reason) {
  const UtcTime now = clock_.utc();
  Loss loss;
  loss.what = "clip";
  loss.camera_id = camera_id;
  loss.clip_id = clip_id;
  const auto row = open_rows_.find(clip_id);
  loss.start = row == open_rows_.end() ? now : row->second.start;
  loss.end = now;
  loss.reason = reason;
  losses_.note(std::move(loss), clock_);
}

// Of imported clips that were not moved to their place any more.
void Recovery::remove_lone(const std::vector<fs::path>& notes) {
  for (const fs::path& note : notes) {
    const fs::path closed = fs::path(note).replace_extension(".mp4");
    std::error_code ignored;
    if (!is_uuid(note.stem().string()) || fs::exists(closed, ignored) || fs::exists(Layout::part_path(closed), ignored))
      continue;
    if (auto removed = file::remove(note); !removed)
      log::warn("what is left of an import is not removed", {{"error", removed.error().message}});
  }
}

// All names first, then the work, which changes the folders.
Result<std::vector<FoundClip>> Recovery::files_to_recover() {
  std::vector<FoundClip> files;
  std::vector<fs::path> notes;
  std::error_code error;
  for (fs::recursive_directory_iterator it(layout_.clips(), error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (!it->is_regular_file(ignored)) continue;
    if (it->path().extension() == ".json") notes.push_back(it->path());
    auto found = as_clip_file(layout_, it->path());
    if (found && (found->part || !is_closed(*found)) && !will_be_made_again(*found)) files.push_back(std::move(*found));
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return fail_errno("read " + layout_.clips().string(), error.value());
  remove_lone(notes);
  return files;
}

Result<RecoveryResult> Recovery::run() {
  if (auto loaded = load_rows(); !loaded) return loaded.error_as_is();
  if (auto deleted = finish_deletions(); !deleted) return deleted.error_as_is();
  empty_work();
  const auto files = files_to_recover();
  if (!files) return files.error_as_is();
  for (const FoundClip& found : *files) {
    auto done = recover_file(found);
    if (catalog_.is_damaged()) return fail(Code::internal, "the catalog is damaged; it is made again from the clips");
    if (!done) return done.error_as_is();
    open_rows_.erase(found.clip_id);  // its file is there, whatever became of it
  }
  if (auto indexed = flush_index(); !indexed) return indexed.error_as_is();
  forget_rows_without_file();
  return result_;
}

}  // namespace

Result<RecoveryResult> recover(const Layout& layout, Catalog& catalog, LossLedger& losses, const Clock& clock) {
  return Recovery(layout, catalog, losses, clock).run().with("recovery");
}

}  // namespace vedette
