#include "storage/clip_import.h"

#include <fcntl.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "core/log.h"
#include "media/foreign_mp4.h"
#include "storage/settle.h"

namespace vedette {

namespace {

// A file of hours is read from the disk once more.
constexpr microseconds kLongestLook = 120s;

Clip clip_of(const ImportOrder& order, const std::string& clip_id, const ForeignMp4& mp4) {
  Clip clip;
  clip.clip_id = clip_id;
  clip.recording_id = new_id();
  clip.camera_id = order.camera_id;
  clip.start = order.start;
  clip.end = order.start + mp4.shown;
  clip.codec = codec_name(mp4.info->video.codec);
  clip.width_px = mp4.info->video.width_px;
  clip.height_px = mp4.info->video.height_px;
  if (mp4.info->audio) clip.audio = codec_name(mp4.info->audio->codec);
  clip.trigger = kImportTrigger;
  clip.labels = order.labels;
  clip.priority = order.priority;
  clip.upload_wanted = order.upload;
  clip.path = Layout::clip_path(clip.camera_id, clip.clip_id, clip.start);
  return clip;
}

void remove_if_there(const std::filesystem::path& path) {
  const auto removed = file::remove(path);
  if (!removed && removed.error().code != Code::not_found)  // the next start does it
    log::warn("what is left of an import is not removed", {{"error", removed.error().message}});
}

}  // namespace

ClipImport::ClipImport(ImportOrder order, const Context& context)
    : order_(std::move(order)),
      context_(context),
      clip_id_(new_id()),
      work_(context.layout.work() / (clip_id_ + ".mp4")) {}

ClipImport::~ClipImport() {
  if (fd_) remove_if_there(work_);
}

Result<std::unique_ptr<ClipImport>> ClipImport::begin(ImportOrder order, const Context& context) {
  std::unique_ptr<ClipImport> import(new ClipImport(std::move(order), context));
  if (auto opened = import->open(); !opened) return opened.error_as_is();
  return import;
}

Status ClipImport::open() {
  if (context_.volume)
    if (auto there = context_.volume->check(); !there) return there;
  if (auto made = file::make_directories(work_.parent_path()); !made) return made;
  auto fd = file::create(work_);
  if (!fd) return fd.error_as_is();
  fd_ = std::move(*fd);
  return take_room();
}

Status ClipImport::take_room() {
  const auto space = file::space(work_.parent_path());
  if (!space) return space.error_as_is();
  const auto level = context_.catalog.space_level();
  if (!level) return level.error_as_is();
  const int64_t left = static_cast<int64_t>(space->free_bytes) - order_.size_bytes;
  if (*level == SpaceLevel::full || left < order_.min_free_bytes / 2)
    return fail(Code::no_space, "there is no room for it on the disk");
  file::about_to("fallocate");
  if (fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, 0, order_.size_bytes) == 0) return {};
  if (errno == EOPNOTSUPP || errno == ENOSYS) return {};  // it is taken as it comes
  return fail_errno("take room for an import");
}

Status ClipImport::write(std::string_view bytes) {
  const std::span<const uint8_t> raw(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  sha256_.add(raw);
  if (auto written = file::write_at(fd_.get(), raw, written_); !written) return written;
  written_ += static_cast<int64_t>(bytes.size());
  return {};
}

Result<ClipImport::Imported> ClipImport::finish(const std::stop_token& stop) {
  if (auto synced = file::sync(fd_.get()); !synced) return synced.error_as_is();
  const std::string sha256 = sha256_.hex();
  auto known = context_.catalog.clip_like(order_.camera_id, order_.start, sha256);
  if (!known) return known.error_as_is();
  if (*known) return Imported{std::move(**known), true};
  const auto mp4 = look_into_foreign_mp4(work_, Clock::system().mono() + kLongestLook, stop);
  if (!mp4) return mp4.error_as_is();
  const Clip clip = clip_of(order_, clip_id_, *mp4);
  Mp4Summary summary;
  summary.size_bytes = written_;
  summary.hash.whole = sha256;
  summary.shown = mp4->shown;
  summary.has_audio = clip.audio.has_value();

  auto placed = place(clip);
  if (placed) placed = context_.catalog.add_clip(clip);
  if (placed) placed = context_.catalog.remember_recording(clip.recording_id, clip.camera_id, clip.start);
  if (placed) {
    auto settled = settle(context_.layout, context_.catalog, clip, summary, "clip.ready", context_.clock.utc());
    if (settled) return Imported{std::move(*settled), false};
    placed = settled.error_as_is();
  }
  take_back(clip);
  return placed.error_as_is();
}

// The note first: a clip without would not be known by a recovery.
Status ClipImport::place(const Clip& clip) {
  if (context_.volume)
    if (auto there = context_.volume->check(); !there) return there;
  const auto file = context_.layout.absolute(clip.path);
  if (auto made = file::make_directories(file.parent_path()); !made) return made;
  if (auto noted = place_note(clip, Layout::note_path(file)); !noted) return noted;
  if (auto renamed = file::rename(work_, Layout::part_path(file)); !renamed) return renamed;
  fd_.reset();  // it is not there any more to be removed
  return file::sync_directory(file.parent_path());
}

// Written among what every start removes, so that a kill leaves all of it or nothing.
Status ClipImport::place_note(const Clip& clip, const std::filesystem::path& note) const {
  const auto work = Layout::note_path(work_);
  if (auto written = file::write_atomically(work, to_text(clip_metadata(clip))); !written) return written;
  if (auto renamed = file::rename(work, note); !renamed) return renamed;
  return file::sync_directory(note.parent_path());
}

void ClipImport::take_back(const Clip& clip) {
  const auto file = context_.layout.absolute(clip.path);
  for (const auto& path : {Layout::part_path(file), file, Layout::note_path(file)}) remove_if_there(path);
  if (auto gone = context_.catalog.forget_clip(clip.clip_id); !gone)
    log::warn("row not removed", {{"clip_id", clip.clip_id}, {"error", gone.error().message}});
}

}  // namespace vedette
