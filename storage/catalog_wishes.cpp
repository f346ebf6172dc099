// The part of the Catalog that is what people want of the uploads.
#include "storage/catalog.h"
#include "storage/clip_row.h"
#include "storage/columns.h"
#include "storage/manifest.h"
#include "storage/poster_row.h"
#include "storage/upload_row.h"

namespace vedette {

namespace {

Status check(const Clip& clip, bool forced) {
  if (clip.state == ClipState::deleting) return fail(Code::conflict, "the clip is being deleted");
  if (clip.state != ClipState::ready)
    return fail(Code::conflict, "the clip is not ready: it is " + std::string(to_string(clip.state)));
  if (clip.upload.state == UploadState::none && !clip.upload_wanted && !forced)
    return fail(Code::conflict, "the clip was made with upload: never; force uploads it all the same");
  return {};
}

// The clip had no upload, and gets one with all that belongs beside it.
Status add(Database::Access& db, const ManifestIssuer& issuer, bool poster, const Upload& wanted) {
  if (auto manifest = manifest_chain::add_upload(db, issuer, wanted); !manifest) return manifest;
  if (const auto row = upload_row::insert(db, wanted); !row) return row.error_as_is();
  if (poster)
    if (auto asked = poster_row::want(db, wanted.subject_id, wanted.queued_at); !asked) return asked;
  return db.prepare("UPDATE clip SET upload_wanted = 1, awaits_upload = 1 WHERE clip_id = ?1")
      .bind(1, wanted.subject_id)
      .run();
}

// What is in the store, as far as is known, is to be brought there again.
Status begin_again(Database::Access& db, const std::string& clip_id) {
  auto again = db.prepare(
                     "UPDATE upload SET state = 'pending', attempts = 0, last_error = NULL, etag = NULL WHERE "
                     "subject_id = ?1 AND kind IN ('clip', 'poster', 'manifest') AND state IN ('uploaded', 'failed')")
                   .bind(1, clip_id)
                   .run();
  if (!again) return again;
  return db.prepare("UPDATE clip SET awaits_upload = 1 WHERE clip_id = ?1").bind(1, clip_id).run();
}

// One that waits for its poster waits on; what failed is due.
Status bring_forward(Database::Access& db, const Upload& wanted) {
  return db
      .prepare(
          "UPDATE upload SET priority = ?2, forced = max(forced, ?3), next_try_us = CASE WHEN attempts = 0 THEN "
          "next_try_us ELSE 0 END WHERE subject_id = ?1 AND kind IN ('clip', 'poster', 'manifest') AND "
          "state IN ('pending', 'uploading')")
      .bind(1, wanted.subject_id)
      .bind(2, static_cast<int64_t>(wanted.priority))
      .bind(3, int64_t{wanted.forced})
      .run();
}

Result<Upload> newest(Database::Access& db, const std::string& clip_id) {
  static const std::string kSelect = "SELECT " + std::string(upload_row::kColumns) +
                                     " FROM upload WHERE subject_id = ?1 AND kind = 'clip' ORDER BY row DESC LIMIT 1";
  auto row = db.prepare(kSelect).bind(1, clip_id);
  if (row.step()) return upload_row::read(row);
  if (auto status = row.status(); !status) return status.error_as_is();
  return fail(Code::not_found, "clip " + clip_id + " has no upload");
}

}  // namespace

Result<Upload> Catalog::want_upload(const Upload& wanted) {
  Upload upload;
  const auto status = database_.write([&](Database::Access& db) -> Status {
    const auto clip = clip_row::find(db, wanted.subject_id);
    if (!clip) return clip.error_as_is();
    if (auto allowed = check(*clip, wanted.forced); !allowed) return allowed;
    Status done;
    if (clip->upload.state == UploadState::none)
      done = add(db, issuer_, posters_, wanted);
    else if (clip->upload.state == UploadState::failed ||
             (clip->upload.state == UploadState::uploaded && wanted.forced))
      done = begin_again(db, wanted.subject_id);
    if (done) done = bring_forward(db, wanted);
    if (!done) return done;
    auto now = newest(db, wanted.subject_id);
    if (!now) return now.error_as_is();
    upload = std::move(*now);
    return {};
  });
  if (!status) return status.error_as_is();
  return upload;
}

Result<std::optional<UtcTime>> Catalog::uploads_paused_until() const {
  std::optional<UtcTime> until;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT value FROM figure WHERE name = 'uploads_paused_until_us'");
    if (row.step()) until = row.integer(0) == 0 ? kForEver : from_us(row.integer(0));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return until;
}

Status Catalog::set_uploads_paused_until(std::optional<UtcTime> until) {
  return database_.write([&](Database::Access& db) {
    if (!until) return db.prepare("DELETE FROM figure WHERE name = 'uploads_paused_until_us'").run();
    return db.prepare("INSERT OR REPLACE INTO figure(name, value) VALUES('uploads_paused_until_us', ?1)")
        .bind(1, *until == kForEver ? 0 : to_us(*until))
        .run();
  });
}

}  // namespace vedette
