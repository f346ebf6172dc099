#include "tests/storage/store.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "core/ids.h"
#include "tests/support/process.h"

namespace vedette::test {

Store::Store() {
  layout = {dir.path(), "edge-01", "site/"};
  reopen();
}

void Store::close() {
  outbox.reset();
  catalog.reset();
  losses.reset();
  database.reset();
}

void Store::reopen() {
  close();
  auto opened = Database::open(layout.database());
  if (!opened) throw std::runtime_error(opened.error().message);
  database = std::move(*opened);
  catalog = std::make_unique<Catalog>(*database);
  outbox = std::make_unique<Outbox>(*database);
  losses = std::make_unique<LossLedger>(*database);
}

std::vector<OutboxEvent> Store::events(const std::string& type) const {
  std::vector<OutboxEvent> found;
  const auto events = outbox->next(0, 1000);
  for (const OutboxEvent& event : events.value())
    if (event.type == type) found.push_back(event);
  return found;
}

int64_t Store::number(const std::string& sql) const {
  int64_t value = -1;
  const auto status = database->read([&](Database::Access& db) {
    auto row = db.prepare(sql);
    if (row.step()) value = row.integer(0);
    return row.status();
  });
  if (!status) throw std::runtime_error(status.error().message);
  return value;
}

void Store::put(Clip clip) {
  std::filesystem::create_directories(file_of(clip).parent_path());
  write_text(file_of(clip), std::string(static_cast<size_t>(clip.size_bytes), 'x'));
  std::optional<Upload> upload;
  if (clip.upload_wanted) upload = make_upload(clip);
  EXPECT_TRUE(catalog->finish_clip(clip, {}, upload));
}

void Store::expect_files_and_rows_agree() const {
  std::set<std::string> files;
  for (std::filesystem::recursive_directory_iterator it(layout.clips()), end; it != end; ++it)
    if (it->is_regular_file()) files.insert(it->path().lexically_relative(layout.root).generic_string());
  ClipQuery query;
  query.limit = 100'000;
  const auto page = catalog->query(query);
  for (const Clip& clip : page->clips) {
    EXPECT_EQ(clip.state, ClipState::ready) << clip.clip_id;
    EXPECT_EQ(files.erase(clip.path), 1u) << "no file: " << clip.path;
    std::error_code ignored;
    EXPECT_EQ(std::filesystem::file_size(file_of(clip), ignored), static_cast<uintmax_t>(clip.size_bytes));
  }
  for (const std::string& file : files) ADD_FAILURE() << "no row: " << file;
}

Clip make_clip(const std::string& camera_id, UtcTime start, microseconds length) {
  Clip clip;
  clip.clip_id = new_id(start);
  clip.recording_id = new_id();
  clip.camera_id = camera_id;
  clip.state = ClipState::ready;
  clip.start = start;
  clip.end = start + length;
  clip.size_bytes = 8'123'456;
  clip.codec = "h264";
  clip.width_px = 1920;
  clip.height_px = 1080;
  clip.audio = "aac";
  clip.sha256 = std::string(64, 'a');
  clip.lead_actual_ms = -40;
  clip.command_id = new_id();
  clip.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  clip.path = Layout::clip_path(camera_id, clip.clip_id, start);
  clip.boot_id = "boot";
  clip.mono_start_us = 123;
  clip.clock_synced = true;
  return clip;
}

Upload make_upload(const Clip& clip, Priority priority) {
  Upload upload;
  upload.kind = "clip";
  upload.subject_id = clip.clip_id;
  upload.camera_id = clip.camera_id;
  upload.path = clip.path;
  upload.object_key = "edge-01/" + clip.clip_id;
  upload.content_type = "video/mp4";
  upload.size_bytes = clip.size_bytes;
  upload.sha256 = clip.sha256;
  upload.start = clip.start;
  upload.end = *clip.end;
  upload.priority = priority;
  return upload;
}

}  // namespace vedette::test
