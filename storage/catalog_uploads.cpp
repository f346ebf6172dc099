// The part of the Catalog that is the upload queue.
#include "storage/catalog.h"
#include "storage/columns.h"
#include "storage/manifest.h"
#include "storage/upload_row.h"

namespace vedette {

namespace {

// A row that is to wait longer than this was put off by a clock that has been set back since: it is due.
constexpr std::chrono::hours kLongestPause{24};

std::string_view pending(Catalog::Which which) {
  return which == Catalog::Which::all ? "state = 'pending'" : "state = 'pending' AND forced = 1";
}

// A clip whose manifest or poster is under way waits for it. (One that is due comes before all clips by the order.)
// That is a handful of rows, by upload_under_way and upload_by_subject.
constexpr std::string_view kNotHeld =
    "row NOT IN (SELECT held.row FROM upload ahead CROSS JOIN upload held ON held.subject_id = ahead.subject_id AND "
    "held.kind = 'clip' WHERE ahead.state = 'uploading' AND ahead.kind IN ('manifest', 'poster'))";

// ?1: now; ?2: kLongestPause later. What is cheap to see stands first: many rows may be put off.
std::string due(Catalog::Which which) {
  return std::string(pending(which)) + " AND (next_try_us <= ?1 OR next_try_us > ?2) AND " + std::string(kNotHeld);
}

constexpr std::string_view kOrder = "(kind NOT IN ('manifest', 'poster')), priority, row";

// Since when a row waits for its turn, in front of that order. What lies ahead of us was told by a clock that has been
// set back since: it has waited enough. A manifest that was not tried yet was queued with its clip, and so stays before
// it.
constexpr std::string_view kWaitsSince =
    "iif(iif(next_try_us > 0, next_try_us, queued_us) > ?1, 0, iif(next_try_us > 0, next_try_us, queued_us)), ";

// A manifest that was only kept to be uploaded.
Status forget_manifest(Database::Access& db, int64_t row) {
  auto manifest = db.prepare("SELECT subject_id FROM upload WHERE row = ?1 AND kind = 'manifest'").bind(1, row);
  if (!manifest.step()) return manifest.status();
  return manifest_chain::forget_if_done(db, manifest.text(0));
}

// What others must hear of the end of a claim.
Status add_events(Database::Access& db, int64_t row, const std::vector<OutboxEvent>& events) {
  for (const OutboxEvent& event : events)
    if (auto added = Outbox::add(db, event); !added) return added;
  return forget_manifest(db, row);
}

// Ends a claim: one row, with what others must hear of it.
Status change(Database& database, int64_t row, const std::vector<OutboxEvent>& events,
              const std::function<Status(Database::Access&)>& update, Durability durability = Durability::power_cut) {
  return database.write(
      [&](Database::Access& db) -> Status {
        if (auto done = update(db); !done) return done;
        if (db.changes() == 0) return fail(Code::not_found, "upload row " + std::to_string(row) + " is not there");
        return add_events(db, row, events);
      },
      durability);
}

// What is proved to be in the store. Changes nothing when the row is gone.
Status settle_proved(Database::Access& db, int64_t row, const std::string& etag) {
  auto settled = db.prepare(
                       "UPDATE clip SET awaits_upload = 0 WHERE clip_id = "
                       "(SELECT subject_id FROM upload WHERE row = ?1 AND kind = 'clip')")
                     .bind(1, row)
                     .run();
  if (!settled) return settled;
  if (auto gone = db.prepare("DELETE FROM upload_part WHERE row = ?1").bind(1, row).run(); !gone) return gone;
  return db
      .prepare(
          "UPDATE upload SET state = 'uploaded', etag = ?2, last_error = NULL, upload_id = '', part_size_bytes = 0 "
          "WHERE row = ?1")
      .bind(1, row)
      .bind(2, etag)
      .run();
}

}  // namespace

Result<Upload> Catalog::add_upload(const Upload& upload) {
  Upload added = upload;
  const auto status = database_.write([&](Database::Access& db) -> Status {
    const auto row = upload_row::insert(db, upload);
    if (!row) return row.error_as_is();
    added.row = *row;
    return {};
  });
  if (!status) return status.error_as_is();
  added.state = UploadState::pending;
  added.attempts = 0;
  return added;
}

// Not synced, like what gives a claim back: what a power cut takes of it, a restart would take, too.
Result<std::optional<Upload>> Catalog::claim_upload(UtcTime now, Which which, Turn turn) {
  const std::string sql =
      "UPDATE upload SET state = 'uploading', attempts = attempts + 1 WHERE row = (SELECT row FROM upload WHERE " +
      due(which) + " ORDER BY " + std::string(turn == Turn::longest_wait ? kWaitsSince : "") + std::string(kOrder) +
      " LIMIT 1) RETURNING " + std::string(upload_row::kColumns);
  std::optional<Upload> claimed;
  const auto status = database_.write(
      [&](Database::Access& db) {
        auto row = db.prepare(sql);
        row.bind(1, to_us(now)).bind(2, to_us(now + kLongestPause));
        if (row.step()) claimed = upload_row::read(row);
        return row.run();
      },
      Durability::kill);
  if (!status) return status.error_as_is();
  return claimed;
}

Result<std::optional<Priority>> Catalog::due_priority(UtcTime now, Which which) const {
  // The first of those beside clips and the first of the others: each is found at the beginning of its part of the
  // index.
  const auto first = [&](std::string_view is_other) {
    return "SELECT * FROM (SELECT priority FROM upload WHERE " + due(which) +
           " AND (kind NOT IN ('manifest', 'poster')) = " + std::string(is_other) + " ORDER BY priority, row LIMIT 1)";
  };
  std::optional<Priority> priority;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT min(priority) FROM (" + first("0") + " UNION ALL " + first("1") + ")")
                   .bind(1, to_us(now))
                   .bind(2, to_us(now + kLongestPause));
    if (row.step() && !row.is_null(0)) priority = static_cast<Priority>(row.integer(0));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return priority;
}

Status Catalog::put_back_upload(int64_t row) {
  const auto put_back = [&](Database::Access& db) {
    return db
        .prepare("UPDATE upload SET state = 'pending', attempts = max(0, attempts - 1), next_try_us = 0 WHERE row = ?1")
        .bind(1, row)
        .run();
  };
  return change(database_, row, {}, put_back, Durability::kill);
}

Result<std::optional<UtcTime>> Catalog::next_upload_at(Which which) const {
  std::optional<UtcTime> at;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT min(next_try_us) FROM upload WHERE " + std::string(pending(which)) + " AND " +
                          std::string(kNotHeld));
    if (row.step() && !row.is_null(0)) at = from_us(row.integer(0));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return at;
}

Status Catalog::finish_upload(int64_t row, const std::string& etag, const std::vector<OutboxEvent>& events) {
  return change(database_, row, events, [&](Database::Access& db) { return settle_proved(db, row, etag); });
}

Result<std::vector<bool>> Catalog::finish_uploads(const std::vector<ProvedUpload>& proved) {
  std::vector<bool> were_there;
  const auto finish = [&](Database::Access& db, const ProvedUpload& one) -> Status {
    if (auto done = settle_proved(db, one.row, one.etag); !done) return done;
    were_there.push_back(db.changes() > 0);
    return were_there.back() ? add_events(db, one.row, one.events) : Status();
  };
  const auto status = database_.write([&](Database::Access& db) -> Status {
    were_there.clear();
    for (const ProvedUpload& one : proved)
      if (auto done = finish(db, one); !done) return done;
    return {};
  });
  if (!status) return status.error_as_is();
  return were_there;
}

Status Catalog::fail_upload(int64_t row, const std::string& error, std::optional<UtcTime> next_try,
                            const std::vector<OutboxEvent>& events) {
  return change(database_, row, events, [&](Database::Access& db) {
    return db.prepare("UPDATE upload SET state = ?2, last_error = ?3, next_try_us = ?4 WHERE row = ?1")
        .bind(1, row)
        .bind(2, to_string(next_try ? UploadState::pending : UploadState::failed))
        .bind(3, error)
        .bind(4, next_try ? to_us(*next_try) : 0)
        .run();
  });
}

Status Catalog::reset_uploads() {
  return database_.write([](Database::Access& db) -> Status {
    auto reset = db.prepare("UPDATE upload SET state = 'pending' WHERE state = 'uploading'").run();
    if (!reset) return reset;
    // Those that wait for their poster do so for no longer than they would have.
    return db
        .prepare(
            "UPDATE upload SET next_try_us = 0 WHERE state = 'pending' AND next_try_us <> 0 AND NOT (kind = 'clip' AND "
            "attempts = 0 AND EXISTS (SELECT 1 FROM clip WHERE clip_id = subject_id AND poster = 'wanted'))")
        .run();
  });
}

namespace {

UploadSum sum_of(const Database::Statement& row, UtcTime now) {
  return {row.integer(1), row.integer(2),
          std::max<int64_t>(0, (to_us(now) - row.integer(3)) / microseconds(1s).count())};
}

Status add_sums(Database::Access& db, UtcTime now, UploadFigures& figures) {
  auto row = db.prepare(
      "SELECT priority, count(*), sum(size_bytes), min(queued_us) FROM ("
      "SELECT priority, size_bytes, queued_us FROM upload WHERE state = 'pending' UNION ALL "
      "SELECT priority, size_bytes, queued_us FROM upload WHERE state = 'uploading') GROUP BY priority");
  while (row.step()) {
    const UploadSum sum = sum_of(row, now);
    figures.by_priority[static_cast<Priority>(row.integer(0))] = sum;
    figures.rows += sum.rows;
    figures.bytes += sum.bytes;
    figures.oldest_s = std::max(figures.oldest_s, sum.oldest_s);
  }
  return row.status();
}

// The one that will be tried last is the one that failed last, or nearly.
Status add_last_error(Database::Access& db, UploadFigures& figures) {
  auto row = db.prepare(
      "SELECT last_error FROM upload WHERE state = 'pending' AND last_error IS NOT NULL "
      "ORDER BY next_try_us DESC, row LIMIT 1");
  if (row.step()) figures.last_error = row.text(0);
  return row.status();
}

}  // namespace

Result<UploadFigures> Catalog::upload_figures(UtcTime now) const {
  UploadFigures figures;
  const auto status = database_.read([&](Database::Access& db) -> Status {
    if (auto summed = add_sums(db, now, figures); !summed) return summed;
    return add_last_error(db, figures);
  });
  if (!status) return status.error_as_is();
  return figures;
}

}  // namespace vedette
