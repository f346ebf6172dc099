#include "storage/settle.h"

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "media/mp4_finalize.h"

namespace vedette {

namespace {

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

}  // namespace

Clip ready_clip(Clip clip, const Mp4Summary& summary) {
  clip.state = ClipState::ready;
  clip.end = clip.start + summary.shown;
  clip.size_bytes = summary.size_bytes;
  clip.sha256 = summary.sha256;
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
  upload.object_key = layout.clip_key(ready.camera_id, ready.clip_id, ready.start);
  upload.content_type = "video/mp4";
  upload.size_bytes = ready.size_bytes;
  upload.sha256 = ready.sha256;
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

Result<Clip> settle(const Layout& layout, Catalog& catalog, Clip clip, const Mp4Summary& summary,
                    const std::string& event_type, UtcTime now) {
  clip = ready_clip(std::move(clip), summary);
  if (auto named = give_final_name(layout.absolute(clip.path)); !named) return named.error_as_is();
  const auto upload = upload_of(layout, clip, now);
  auto committed = catalog.finish_clip(clip, {event_of(clip, event_type, now)}, upload);
  if (!committed) return committed.error_as_is();
  clip.upload = {};
  if (upload) clip.upload.state = UploadState::pending;
  return clip;
}

}  // namespace vedette
