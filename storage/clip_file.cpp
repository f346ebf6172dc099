#include "storage/clip_file.h"

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/log.h"
#include "storage/settle.h"

namespace vedette {

namespace {

// The recorder flushes four times a second; this is for what comes at once, a pre-roll say.
constexpr microseconds kLongestFragment = 500ms;

std::filesystem::path file_of(const Clip& clip, bool past, const Layout& layout) {
  return past ? layout.work() / (clip.clip_id + ".mp4") : Layout::part_path(layout.absolute(clip.path));
}

Status check_volume(const RecorderContext& context) {
  return context.volume ? context.volume->check() : Status();
}

}  // namespace

Result<std::unique_ptr<ClipFile>> ClipFile::create(Options options, StreamInfoPtr info,
                                                   const RecorderContext& context) {
  if (auto there = check_volume(context); !there) return there.error_as_is();
  Clip& clip = options.clip;
  clip.path = Layout::clip_path(clip.camera_id, clip.clip_id, clip.start);
  const auto part = file_of(clip, options.past, context.layout);
  if (auto made = file::make_directories(part.parent_path()); !made) return made.error_as_is();
  Mp4Options mp4;
  mp4.expected = options.expected;
  mp4.fragment = kLongestFragment;
  if (context.index) mp4.index_bytes_per_s = context.index->bytes_per_s();
  mp4.audio = clip.audio.has_value();
  mp4.metadata = to_text(clip_metadata(clip));
  auto writer = Mp4Writer::create(part, std::move(info), options.show_from, mp4);
  if (!writer) return writer.error_as_is();
  std::unique_ptr<ClipFile> file(new ClipFile(std::move(options), std::move(*writer), context));
  if (file->past_) return file;
  if (auto added = context.catalog.add_clip(file->clip_); !added) {
    file->writer_.reset();
    (void)file::remove(part);  // what stays of it, recovery finds
    return added.error_as_is();
  }
  file->has_row_ = true;
  return file;
}

ClipFile::ClipFile(Options options, std::unique_ptr<Mp4Writer> writer, const RecorderContext& context)
    : clip_(std::move(options.clip)),
      show_from_(options.show_from),
      file_(file_of(clip_, options.past, context.layout)),
      past_(options.past),
      context_(context),
      writer_(std::move(writer)) {}

Status ClipFile::sync() {
  if (auto synced = writer_->sync(); !synced) return synced;
  if (name_synced_) return {};
  name_synced_ = true;
  return file::sync_directory(file_.parent_path());
}

// A file whose only frame began before the wanted instant shows it from its own beginning.
MonoTime ClipFile::shown_to() const {
  if (!summary_ || !first_pts_) return show_from_;
  return std::min(show_from_, *first_pts_ + summary_->lead) + summary_->shown;
}

void ClipFile::add_gap(MonoTime from, MonoTime to, const std::string& reason) {
  clip_.gaps.push_back({utc_at(std::max(from, show_from_)), utc_at(to), reason});
  if (!has_row_) return;
  const auto kept = context_.catalog.set_gaps(clip_.clip_id, clip_.gaps);
  // Closing the clip writes it again.
  if (!kept) log::warn("gap not kept", {{"clip_id", clip_.clip_id}, {"error", kept.error().message}});
}

// On another volume the file is missing, and it is not lost.
Result<std::optional<Clip>> ClipFile::close(std::optional<MonoTime> show_until) {
  if (auto there = check_volume(context_); !there) return there.error_as_is();
  auto closed = close_there(show_until);
  if (closed) return closed;
  if (auto there = check_volume(context_); !there) return there.error_as_is();
  return closed;
}

Result<std::optional<Clip>> ClipFile::close_there(std::optional<MonoTime> show_until) {
  if (!summary_) {
    const auto summary = close_file(show_until);
    if (!summary && summary.error().code == Code::invalid_argument && holds_nothing()) {
      if (auto gone = discard(); !gone) return gone.error_as_is();
      return fail(Code::not_found, "nothing of it came to the disk");
    }
    if (!summary) return summary.error_as_is();
    if (summary->shown <= microseconds(0) || summary->video_frames == 0) {
      if (auto gone = discard(); !gone) return gone.error_as_is();
      return std::nullopt;
    }
    if (context_.index) context_.index->learn(*summary);
    summary_ = *summary;
  }
  if (past_)
    if (auto handed = hand_over(); !handed) return handed.error_as_is();
  auto settled = settle(context_.layout, context_.catalog, clip_, *summary_, "clip.ready", context_.clock.utc());
  if (!settled) return settled.error_as_is();
  return std::optional(std::move(*settled));
}

// A writer that failed (a full disk, say) is left as a kill would leave it, and its file is repaired as after one: the
// clip then ends with the last good fragment.
Result<Mp4Summary> ClipFile::close_file(std::optional<MonoTime> show_until) {
  if (!writer_) return repair(file_);
  if (const std::string& why = writer_->audio_left_out(); !why.empty())
    log::info("audio left out", {{"clip_id", clip_.clip_id}, {"why", why}});
  auto closed = writer_->close(show_until, camera_clock_.at(show_from_));
  writer_.reset();
  if (closed) return closed;
  auto repaired = repair(file_);
  return repaired ? repaired : closed;
}

// What was written beside becomes an open clip, like those that are recorded. From the renaming on a kill leaves what
// recovery makes a clip of, and it is whole already.
Status ClipFile::hand_over() {
  const auto part = Layout::part_path(context_.layout.absolute(clip_.path));
  std::error_code ignored;
  if (std::filesystem::exists(file_, ignored)) {
    if (auto made = file::make_directories(part.parent_path()); !made) return made;
    if (auto renamed = file::rename(file_, part); !renamed) return renamed;
    if (auto synced = file::sync_directory(part.parent_path()); !synced) return synced;
  }
  if (has_row_) return {};
  if (auto added = context_.catalog.add_clip(clip_); !added) return added;
  has_row_ = true;
  return {};
}

bool ClipFile::holds_nothing() const {
  std::error_code ignored;
  return std::filesystem::file_size(file_, ignored) == 0;
}

Status ClipFile::discard() {
  writer_.reset();
  if (auto removed = file::remove(file_); !removed) return removed;
  if (auto synced = file::sync_directory(file_.parent_path()); !synced) return synced;
  return has_row_ ? context_.catalog.forget_clip(clip_.clip_id) : Status{};
}

}  // namespace vedette
