#include "storage/settle.h"

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/log.h"
#include "media/mp4_finalize.h"
#include "media/remux.h"

namespace vedette {

namespace {

namespace fs = std::filesystem;

OutboxEvent event_of(const Clip& clip, const std::string& type, UtcTime now) {
  OutboxEvent event = make_event(type, clip.camera_id, clip_event_data(clip), now);
  event.command_id = clip.command_id;
  event.traceparent = clip.traceparent;
  return event;
}

Status give_final_name(const std::filesystem::path& file) {
  const auto part = Layout::part_path(file);
  std::error_code ignored;
  if (std::filesystem::exists(part, ignored))
    if (auto renamed = file::rename(part, file); !renamed) return renamed;
  return file::sync_directory(file.parent_path());
}

// The MP4 that the clip was recorded as; it may have its final name already.
fs::path recorded_as(const Layout& layout, const Clip& clip) {
  const auto file = layout.absolute(clip.path);
  std::error_code ignored;
  return fs::exists(Layout::part_path(file), ignored) ? Layout::part_path(file) : file;
}

// Such a file hides nothing: what lies before the instant that was wanted is shown, too.
Clip shown_from_keyframe(Clip clip, const Mp4Summary& summary) {
  clip.start -= summary.lead;
  clip.mono_start_us -= summary.lead.count();
  if (clip.camera_start) *clip.camera_start -= summary.lead;
  clip.path = Layout::with_container(clip.path, clip.container).generic_string();
  return clip;
}

// Makes the file, beside all others: a kill leaves the MP4, and what every start removes.
Result<FileDigest> remux_beside(const fs::path& mp4, const fs::path& work, const Clip& clip) {
  if (auto made = file::make_directories(work.parent_path()); !made) return made.error_as_is();
  std::error_code ignored;
  fs::remove(work, ignored);  // of a try before
  auto digest = remux(mp4, work, clip.container, to_text(clip_metadata(clip)));
  if (!digest) fs::remove(work, ignored);
  return digest;
}

// Nothing when it is to stay an MP4.
Result<std::optional<Clip>> in_its_container(const Layout& layout, const Clip& mp4, const Mp4Summary& summary) {
  Clip clip = shown_from_keyframe(mp4, summary);
  const fs::path work = layout.work() / fs::path(clip.path).filename();
  const auto digest = remux_beside(recorded_as(layout, mp4), work, clip);
  if (!digest) {
    std::error_code ignored;
    fs::remove(layout.absolute(clip.path), ignored);  // of a try that failed behind the renaming
    log::warn("the clip stays an MP4", {{"clip_id", clip.clip_id}, {"why", digest.error().message}});
    return std::nullopt;
  }
  clip.size_bytes = digest->size_bytes;
  set_hash(clip, digest->hash);
  const fs::path file = layout.absolute(clip.path);
  if (auto renamed = file::rename(work, file); !renamed) return renamed.error_as_is();
  if (auto synced = file::sync_directory(file.parent_path()); !synced) return synced.error_as_is();
  return std::optional(std::move(clip));
}

// The last change: until now the clip could have been made again of it.
void remove_mp4(const fs::path& mp4) {
  if (auto removed = file::remove(mp4); !removed)  // the next start does it
    log::warn("the MP4 of a clip is not removed", {{"file", mp4.string()}, {"error", removed.error().message}});
}

}  // namespace

Clip ready_clip(Clip clip, const Mp4Summary& summary) {
  clip.state = ClipState::ready;
  clip.end = clip.start + summary.shown;
  clip.size_bytes = summary.size_bytes;
  set_hash(clip, summary.hash);
  clip.camera_start = summary.camera_start;
  if (!summary.has_audio) clip.audio.reset();
  return clip;
}

std::optional<Upload> upload_of(const Layout& layout, const Clip& ready, UtcTime now) {
  if (!ready.upload_wanted) return std::nullopt;
  Upload upload;
  upload.kind = "clip";
  upload.subject_id = ready.clip_id;
  upload.camera_id = ready.camera_id;
  upload.path = ready.path;
  upload.object_key = layout.clip_key(ready.path);
  upload.content_type = media_type(ready.container);
  upload.size_bytes = ready.size_bytes;
  upload.sha256 = ready.sha256;
  upload.part_sha256 = ready.part_sha256;
  upload.start = ready.start;
  upload.end = *ready.end;
  upload.priority = ready.priority;
  upload.command_id = ready.command_id;
  upload.traceparent = ready.traceparent;
  upload.queued_at = now;
  return upload;
}

Result<Mp4Summary> repair(const std::filesystem::path& file) {
  if (const auto cut = mp4_truncate_to_whole_fragments(file); !cut) return cut.error_as_is();
  return mp4_finalize(file);
}

Result<Mp4Summary> summary_of_imported(const Clip& clip, const std::filesystem::path& file) {
  if (!clip.end) return fail(Code::invalid_argument, "it does not say when the clip ends");
  const auto digest = digest_of(file);
  if (!digest) return digest.error_as_is();
  Mp4Summary summary;
  summary.size_bytes = digest->size_bytes;
  summary.hash = digest->hash;
  summary.shown = *clip.end - clip.start;
  summary.has_audio = clip.audio.has_value();
  return summary;
}

Result<Clip> settle(const Layout& layout, Catalog& catalog, Clip clip, const Mp4Summary& summary,
                    const std::string& event_type, UtcTime now) {
  clip = ready_clip(std::move(clip), summary);
  const fs::path mp4 = recorded_as(layout, clip);
  if (clip.container != Container::mp4) {
    auto other = in_its_container(layout, clip, summary);
    if (!other) return other.error_as_is();
    if (*other)
      clip = std::move(**other);
    else
      clip.container = Container::mp4;
  }
  if (clip.container == Container::mp4)
    if (auto named = give_final_name(layout.absolute(clip.path)); !named) return named.error_as_is();
  const auto upload = upload_of(layout, clip, now);
  auto committed = catalog.finish_clip(clip, {event_of(clip, event_type, now)}, upload);
  if (!committed) return committed.error_as_is();
  if (clip.container != Container::mp4) remove_mp4(mp4);
  clip.upload = {};
  if (upload) clip.upload.state = UploadState::pending;
  return clip;
}

}  // namespace vedette
