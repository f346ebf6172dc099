#include "storage/upload_row.h"

#include "storage/columns.h"

namespace vedette::upload_row {

const std::string_view kColumns =
    "row, kind, subject_id, camera_id, path, object_key, content_type, size_bytes, sha256, start_us, end_us, priority, "
    "state, attempts, last_error, etag, command_id, traceparent, queued_us, upload_id, "
    "part_size_bytes, forced, part_sha256";

Upload read(const Database::Statement& row) {
  Upload upload;
  upload.row = row.integer(0);
  upload.kind = row.text(1);
  upload.subject_id = row.text(2);
  upload.camera_id = row.text(3);
  upload.path = row.text(4);
  upload.object_key = row.text(5);
  upload.content_type = row.text(6);
  upload.size_bytes = row.integer(7);
  upload.sha256 = row.text(8);
  upload.start = from_us(row.integer(9));
  upload.end = from_us(row.integer(10));
  upload.priority = static_cast<Priority>(row.integer(11));
  upload.state = upload_state_from(row.text(12)).value_or(UploadState::pending);
  upload.attempts = static_cast<int>(row.integer(13));
  if (!row.is_null(14)) upload.last_error = row.text(14);
  if (!row.is_null(15)) upload.etag = row.text(15);
  upload.command_id = row.text(16);
  upload.traceparent = row.text(17);
  upload.queued_at = from_us(row.integer(18));
  upload.upload_id = row.text(19);
  upload.part_size_bytes = row.integer(20);
  upload.forced = row.integer(21) != 0;
  upload.part_sha256 = row.text(22);
  return upload;
}

Result<int64_t> insert(Database::Access& db, const Upload& upload) {
  const UtcTime queued_at = upload.queued_at == UtcTime{} ? upload.end : upload.queued_at;
  auto s = db.prepare(
      "INSERT INTO upload(kind, subject_id, camera_id, path, object_key, content_type, size_bytes, sha256, start_us, "
      "end_us, priority, state, attempts, queued_us, next_try_us, command_id, traceparent, forced, part_sha256) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'pending', 0, ?12, 0, ?13, ?14, ?15, ?16) RETURNING row");
  s.bind(1, upload.kind).bind(2, upload.subject_id).bind(3, upload.camera_id).bind(4, upload.path);
  s.bind(5, upload.object_key).bind(6, upload.content_type).bind(7, upload.size_bytes).bind(8, upload.sha256);
  s.bind(9, to_us(upload.start)).bind(10, to_us(upload.end)).bind(11, static_cast<int64_t>(upload.priority));
  s.bind(12, to_us(queued_at)).bind(13, upload.command_id).bind(14, upload.traceparent);
  s.bind(15, int64_t{upload.forced}).bind(16, upload.part_sha256);
  const int64_t row = s.step() ? s.integer(0) : 0;
  if (auto done = s.run(); !done) return done.error_as_is();
  return row;
}

}  // namespace vedette::upload_row
