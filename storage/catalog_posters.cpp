// The part of the Catalog that is about the pictures beside clips.
#include "storage/catalog.h"
#include "storage/clip_row.h"
#include "storage/columns.h"
#include "storage/layout.h"
#include "storage/poster_row.h"
#include "storage/upload_row.h"

namespace vedette {

namespace {

Status let_clip_go(Database::Access& db, const std::string& clip_id) {
  return db
      .prepare(
          "UPDATE upload SET next_try_us = 0 WHERE subject_id = ?1 AND kind = 'clip' AND state = 'pending' AND "
          "attempts = 0")
      .bind(1, clip_id)
      .run();
}

// What the newest upload of the clip says; nothing when it has none.
Result<std::optional<Upload>> upload_of_clip(Database::Access& db, const std::string& clip_id) {
  static const std::string kSelect = "SELECT " + std::string(upload_row::kColumns) +
                                     " FROM upload WHERE subject_id = ?1 AND kind = 'clip' ORDER BY row DESC LIMIT 1";
  std::optional<Upload> upload;
  auto row = db.prepare(kSelect).bind(1, clip_id);
  if (row.step()) upload = upload_row::read(row);
  if (auto status = row.status(); !status) return status.error_as_is();
  return upload;
}

Upload beside(Upload upload, int64_t size_bytes, const std::string& sha256) {
  upload.kind = "poster";
  upload.path = Layout::poster_path(upload.path).generic_string();
  upload.object_key = upload.object_key.substr(0, upload.object_key.rfind('.')) + ".jpg";
  upload.content_type = "image/jpeg";
  upload.size_bytes = size_bytes;
  upload.sha256 = sha256;
  return upload;
}

}  // namespace

Status poster_row::want(Database::Access& db, const std::string& clip_id, UtcTime now) {
  auto wanted =
      db.prepare("UPDATE clip SET poster = 'wanted' WHERE clip_id = ?1 AND poster = ''").bind(1, clip_id).run();
  if (!wanted || db.changes() == 0) return wanted;
  return db
      .prepare(
          "UPDATE upload SET next_try_us = ?2 WHERE subject_id = ?1 AND kind = 'clip' AND state = 'pending' AND "
          "attempts = 0")
      .bind(1, clip_id)
      .bind(2, to_us(now + kLongestWait))
      .run();
}

Result<std::optional<Clip>> Catalog::next_wanted_poster() const {
  static const std::string kSelect = clip_row::select(
      "WHERE c.poster = 'wanted' AND c.state = 'ready' ORDER BY c.start_us DESC, c.clip_id DESC LIMIT 1");
  std::optional<Clip> clip;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(kSelect);
    if (row.step()) clip = clip_row::read(row);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return clip;
}

Status Catalog::finish_poster(const std::string& clip_id, int64_t size_bytes, const std::string& sha256) {
  return database_.write([&](Database::Access& db) -> Status {
    auto made = db.prepare(
                      "UPDATE clip SET poster = 'made', poster_bytes = ?2 WHERE clip_id = ?1 AND state = 'ready' AND "
                      "poster = 'wanted'")
                    .bind(1, clip_id)
                    .bind(2, size_bytes)
                    .run();
    if (!made) return made;
    if (db.changes() == 0) return fail(Code::not_found, "clip " + clip_id + " is gone");
    const auto upload = upload_of_clip(db, clip_id);
    if (!upload) return upload.error_as_is();
    if (*upload)
      if (const auto row = upload_row::insert(db, beside(**upload, size_bytes, sha256)); !row) return row.error_as_is();
    return let_clip_go(db, clip_id);
  });
}

Status Catalog::give_up_poster(const std::string& clip_id) {
  return database_.write([&](Database::Access& db) -> Status {
    auto given_up =
        db.prepare("UPDATE clip SET poster = 'failed' WHERE clip_id = ?1 AND poster = 'wanted'").bind(1, clip_id).run();
    return given_up ? let_clip_go(db, clip_id) : given_up;
  });
}

}  // namespace vedette
