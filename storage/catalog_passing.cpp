// The part of the Catalog that is about uploads of what is not kept here.
#include "core/ids.h"
#include "storage/catalog.h"
#include "storage/columns.h"
#include "storage/loss_ledger.h"
#include "storage/upload_row.h"

namespace vedette {

namespace {

// As the index upload_passing has it, word for word.
constexpr std::string_view kPassing = "kind IN ('snapshot', 'diagnostics')";

Result<std::vector<Upload>> uploads(Database& database, const std::string& where, int most) {
  std::vector<Upload> out;
  const auto status = database.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT " + std::string(upload_row::kColumns) + " FROM upload WHERE " +
                          std::string(kPassing) + " AND " + where + " ORDER BY row LIMIT ?1")
                   .bind(1, int64_t{most});
    while (row.step()) out.push_back(upload_row::read(row));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return out;
}

Loss loss_of(const Upload& upload, const std::string& reason, UtcTime now) {
  Loss loss;
  loss.loss_id = new_id(now);
  loss.at = now;
  loss.what = upload.kind;
  loss.camera_id = upload.camera_id;
  loss.start = upload.start;
  loss.end = upload.end;
  loss.bytes = upload.size_bytes;
  loss.reason = reason;
  return loss;
}

}  // namespace

Result<std::vector<Upload>> Catalog::ended_passing_uploads(int most) const {
  return uploads(database_, "state IN ('uploaded', 'failed')", most);
}

Result<std::vector<Upload>> Catalog::oldest_waiting_snapshots(int most) const {
  return uploads(database_, "state = 'pending' AND kind = 'snapshot'", most);
}

Result<UploadSum> Catalog::waiting_snapshots(UtcTime now) const {
  UploadSum sum;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT count(*), coalesce(sum(size_bytes), 0), min(queued_us) FROM upload WHERE " +
                          std::string(kPassing) + " AND state = 'pending' AND kind = 'snapshot'");
    if (row.step()) {
      sum.rows = row.integer(0);
      sum.bytes = row.integer(1);
      if (!row.is_null(2)) sum.oldest_s = std::max<int64_t>(0, (to_us(now) - row.integer(2)) / 1'000'000);
    }
    return row.status();
  });
  if (!status) return status.error_as_is();
  return sum;
}

Result<bool> Catalog::has_upload_of(const std::string& kind, const std::string& subject_id) const {
  bool there = false;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT 1 FROM upload WHERE subject_id = ?1 AND kind = ?2").bind(1, subject_id).bind(2, kind);
    there = row.step();
    return row.status();
  });
  if (!status) return status.error_as_is();
  return there;
}

Status Catalog::forget_uploads(const std::vector<Upload>& uploads, const std::string& loss_reason, UtcTime now) {
  if (uploads.empty()) return {};
  return database_.write([&](Database::Access& db) -> Status {
    for (const Upload& upload : uploads) {
      // The state may have changed since it was read. A bundle that was not uploaded is no loss: it is made again.
      auto gone = db.prepare("DELETE FROM upload WHERE row = ?1 AND state <> 'uploading' RETURNING state");
      gone.bind(1, upload.row);
      const bool is_lost = gone.step() && gone.text(0) != to_string(UploadState::uploaded) && upload.kind == "snapshot";
      if (auto done = gone.run(); !done) return done;
      if (!is_lost) continue;
      if (auto lost = LossLedger::record(db, loss_of(upload, loss_reason, now)); !lost) return lost;
    }
    return {};
  });
}

}  // namespace vedette
