#include "storage/outbox.h"

#include "core/ids.h"
#include "core/log.h"
#include "storage/columns.h"

namespace vedette {

namespace {

Result<int64_t> one_number(Database::Access& db, std::string_view sql) {
  auto row = db.prepare(sql);
  const int64_t value = row.step() ? row.integer(0) : 0;
  if (auto status = row.status(); !status) return status.error_as_is();
  return value;
}

constexpr std::string_view kDropped = "SELECT value FROM figure WHERE name='outbox_dropped'";

// Deletes the oldest rows above the bound. Counting all rows is dear, so it is only done when the span of the row
// numbers says that there may be too many.
Status keep_bound(Database::Access& db) {
  const auto most = one_number(db, "SELECT value FROM figure WHERE name='outbox_most_rows'");
  const auto span = one_number(db, "SELECT (SELECT max(row) FROM outbox) - (SELECT min(row) FROM outbox) + 1");
  if (!most) return most.error_as_is();
  if (!span) return span.error_as_is();
  const int64_t bound = *most > 0 ? *most : Outbox::kMostRows;
  if (*span <= bound) return {};
  const auto rows = one_number(db, "SELECT count(*) FROM outbox");
  if (!rows) return rows.error_as_is();
  if (*rows <= bound) return {};
  auto deleted = db.prepare("DELETE FROM outbox WHERE row IN (SELECT row FROM outbox ORDER BY row LIMIT ?1)")
                     .bind(1, *rows - bound)
                     .run();
  if (!deleted) return deleted;
  return db
      .prepare(
          "INSERT INTO figure(name, value) VALUES('outbox_dropped', ?1) "
          "ON CONFLICT(name) DO UPDATE SET value = value + excluded.value")
      .bind(1, *rows - bound)
      .run();
}

}  // namespace

OutboxEvent make_event(std::string type, std::string camera_id, const Json& data, UtcTime now) {
  OutboxEvent event;
  event.id = new_id(now);
  event.at = now;
  event.type = std::move(type);
  event.camera_id = std::move(camera_id);
  event.data = to_text(data);
  return event;
}

Outbox::Outbox(Database& database, int64_t most_rows) : database_(database) {
  const auto status = database_.write([&](Database::Access& db) -> Status {
    auto set = db.prepare("INSERT OR REPLACE INTO figure(name, value) VALUES('outbox_most_rows', ?1)")
                   .bind(1, most_rows)
                   .run();
    if (!set) return set;
    const auto dropped = one_number(db, kDropped);
    if (!dropped) return dropped.error_as_is();
    dropped_before_ = *dropped;
    return {};
  });
  if (!status) log::error("outbox: the bound was not set", {{"error", status.error().message}});
}

Status Outbox::add(const OutboxEvent& event) {
  return database_.write([&](Database::Access& db) { return add(db, event); });
}

void Outbox::note(const OutboxEvent& event) {
  const auto added = add(event);
  if (added) return;
  const bool kept = unwritten_.keep(event);
  log::error(kept ? "event not written yet" : "event lost: too many cannot be written",
             {{"type", event.type}, {"error", added.error().message}});
}

Status Outbox::write_kept() {
  return unwritten_.write([this](const OutboxEvent& event) { return add(event); });
}

Status Outbox::add(Database::Access& db, const OutboxEvent& event) {
  auto added = db.prepare(
                     "INSERT INTO outbox(id, at_us, type, camera_id, command_id, traceparent, data) "
                     "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")
                   .bind(1, event.id)
                   .bind(2, to_us(event.at))
                   .bind(3, event.type)
                   .bind(4, event.camera_id)
                   .bind(5, event.command_id)
                   .bind(6, event.traceparent)
                   .bind(7, event.data)
                   .run();
  if (!added) return added;
  return keep_bound(db);
}

Result<std::vector<OutboxEvent>> Outbox::next(int64_t after_row, int most) const {
  std::vector<OutboxEvent> events;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(
                     "SELECT row, id, at_us, type, camera_id, command_id, traceparent, data FROM outbox "
                     "WHERE row > ?1 ORDER BY row LIMIT ?2")
                   .bind(1, after_row)
                   .bind(2, static_cast<int64_t>(most));
    while (row.step())
      events.push_back({row.integer(0), row.text(1), from_us(row.integer(2)), row.text(3), row.text(4), row.text(5),
                        row.text(6), row.text(7)});
    return row.status();
  });
  if (!status) return status.error_as_is();
  return events;
}

Status Outbox::remove(int64_t row) {
  return database_.write(
      [&](Database::Access& db) { return db.prepare("DELETE FROM outbox WHERE row = ?1").bind(1, row).run(); });
}

Result<OutboxFigures> Outbox::figures(UtcTime now) const {
  OutboxFigures figures;
  const auto status = database_.read([&](Database::Access& db) -> Status {
    auto row = db.prepare("SELECT count(*), (SELECT at_us FROM outbox ORDER BY row LIMIT 1) FROM outbox");
    if (row.step()) {
      figures.rows = row.integer(0);
      if (!row.is_null(1))
        figures.oldest_s = std::max<int64_t>(0, (to_us(now) - row.integer(1)) / microseconds(1s).count());
    }
    if (auto done = row.status(); !done) return done;
    const auto dropped = one_number(db, kDropped);
    if (!dropped) return dropped.error_as_is();
    figures.dropped_total = static_cast<uint64_t>(*dropped - dropped_before_);
    return {};
  });
  if (!status) return status.error_as_is();
  return figures;
}

}  // namespace vedette
