#include "storage/snapshot_files.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/file.h"
#include "core/file_hash.h"
#include "core/ids.h"
#include "core/log.h"

namespace vedette {

namespace {

namespace fs = std::filesystem;

constexpr const char* kSnapshot = "snapshot";

// A picture as its path tells it; nothing when it is none of ours: {camera_id}/{YYYY}/{MM}/{DD}/{id}.jpg.
std::optional<Upload> upload_of(const Layout& layout, const fs::path& path) {
  const fs::path below = path.lexically_relative(layout.absolute("snapshots"));
  const std::vector<fs::path> parts(below.begin(), below.end());
  if (parts.size() != 5 || parts[4].extension() != ".jpg") return std::nullopt;
  Upload upload;
  upload.kind = kSnapshot;
  upload.camera_id = parts[0].string();
  upload.subject_id = parts[4].stem().string();
  if (!is_name(upload.camera_id) || !is_uuid(upload.subject_id)) return std::nullopt;
  const auto taken = from_rfc3339(parts[1].string() + "-" + parts[2].string() + "-" + parts[3].string() + "T00:00:00Z");
  if (!taken) return std::nullopt;
  upload.start = upload.end = *taken;  // the day, which is all that is known of it
  upload.path = Layout::snapshot_path(upload.camera_id, upload.subject_id, *taken);
  upload.object_key = layout.snapshot_key(upload.camera_id, upload.subject_id, *taken);
  upload.content_type = "image/jpeg";
  upload.priority = Priority::high;
  return upload;
}

Status add_content(Upload& upload, const fs::path& path) {
  const auto file = file::open_read(path);
  if (!file) return file.error_as_is();
  const auto size = file::size(file->get());
  if (!size) return size.error_as_is();
  const auto hash = hash_of(file->get(), *size);
  if (!hash) return hash.error_as_is();
  upload.size_bytes = *size;
  upload.sha256 = hash->whole;
  return {};
}

}  // namespace

Result<int> SnapshotFiles::adopt() {
  int adopted = 0;
  std::error_code error, none;
  // A folder that cannot be read, or is not there, ends it: what it holds is found by a later start.
  for (fs::recursive_directory_iterator it(layout_.absolute("snapshots"), error), end; !error && it != end;
       it.increment(error)) {
    const fs::directory_entry& entry = *it;
    auto upload = entry.is_regular_file(none) ? upload_of(layout_, entry.path()) : std::nullopt;
    if (!upload) continue;
    const auto known = catalog_.has_upload_of(kSnapshot, upload->subject_id);
    if (!known) return known.error_as_is();
    if (*known) continue;
    if (auto read = add_content(*upload, entry.path()); !read) {
      log::error("a snapshot is not uploaded", {{"file", entry.path().string()}, {"error", read.error().message}});
      continue;
    }
    if (auto added = catalog_.add_upload(*upload); !added) return added.error_as_is();
    ++adopted;
  }
  return adopted;
}

Status SnapshotFiles::remove(const std::vector<Upload>& uploads) {
  for (const Upload& upload : uploads) {
    if (upload.kind != kSnapshot) continue;  // bundles have a bound of their own
    const fs::path path = layout_.absolute(upload.path);
    if (auto removed = file::remove(path); !removed && removed.error().code != Code::not_found) return removed;
  }
  return {};
}

// A file that is gone is missed by nobody, a row that is gone would leave its file for good: so that goes first.
Result<bool> SnapshotFiles::tidy(int most) {
  const auto ended = catalog_.ended_passing_uploads(most);
  if (!ended) return ended.error_as_is();
  if (auto removed = remove(*ended); !removed) return removed.error_as_is();
  if (auto gone = catalog_.forget_uploads(*ended, "upload_failed", clock_.utc()); !gone) return gone.error_as_is();
  if (static_cast<int>(ended->size()) >= most) return true;
  return keep_bounds(most);
}

// Here the row goes first, with its loss: a file that a kill leaves is adopted by the next start.
Result<bool> SnapshotFiles::keep_bounds(int most) {
  const auto waiting = catalog_.waiting_snapshots(clock_.utc());
  if (!waiting) return waiting.error_as_is();
  if (waiting->rows <= bounds_.rows && waiting->bytes <= bounds_.bytes) return false;
  auto oldest = catalog_.oldest_waiting_snapshots(most);
  if (!oldest) return oldest.error_as_is();
  int64_t rows = waiting->rows, bytes = waiting->bytes;
  const auto enough = std::find_if(oldest->begin(), oldest->end(), [&](const Upload& upload) {
    if (rows <= bounds_.rows && bytes <= bounds_.bytes) return true;
    --rows;
    bytes -= upload.size_bytes;
    return false;
  });
  oldest->erase(enough, oldest->end());
  if (auto gone = catalog_.forget_uploads(*oldest, "retention_before_upload", clock_.utc()); !gone)
    return gone.error_as_is();
  // One that was claimed meanwhile has its row still, and needs its file.
  std::erase_if(*oldest, [&](const Upload& upload) {
    return catalog_.has_upload_of(kSnapshot, upload.subject_id).value_or(true);
  });
  log::warn("snapshots that were not uploaded are given up: too many wait", {{"snapshots", oldest->size()}});
  if (auto removed = remove(*oldest); !removed) return removed.error_as_is();
  return rows > bounds_.rows || bytes > bounds_.bytes;
}

}  // namespace vedette
