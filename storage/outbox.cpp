#include "storage/outbox.h"

#include <algorithm>
#include <utility>

#include "core/ids.h"
#include "core/log.h"
#include "storage/columns.h"
#include "storage/outbox_bounds.h"

namespace vedette {

namespace {

constexpr EventClass kClasses[] = {EventClass::record, EventClass::notice};
constexpr const char* kColumns =
    "SELECT row, id, at_us, type, camera_id, command_id, traceparent, data, refused FROM outbox ";

std::vector<OutboxEvent> read(Database::Statement& row) {
  std::vector<OutboxEvent> events;
  while (row.step())
    events.push_back({row.integer(0), row.text(1), from_us(row.integer(2)), row.text(3), row.text(4), row.text(5),
                      row.text(6), row.text(7), static_cast<int>(row.integer(8))});
  return events;
}

// How many went of the class because of its bounds, ever; `untold`: nobody was told of them yet.
Result<int64_t> dropped(Database::Access& db, EventClass of, bool untold) {
  auto row = db.prepare(untold ? "SELECT coalesce(sum(rows), 0) FROM outbox_dropped WHERE class = ?1"
                               : "SELECT dropped FROM outbox_class WHERE class = ?1")
                 .bind(1, class_name(of));
  const int64_t value = row.step() ? row.integer(0) : 0;
  if (auto status = row.status(); !status) return status.error_as_is();
  return value;
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

Outbox::Outbox(Database& database, const OutboxLimits& limits) : database_(database) {
  auto status = set_limits(limits);
  if (status)
    status = database_.read([&](Database::Access& db) -> Status {
      for (const EventClass of : kClasses) {
        const auto ever = dropped(db, of, false);
        if (!ever) return ever.error_as_is();
        const auto untold = dropped(db, of, true);
        if (!untold) return untold.error_as_is();
        (of == EventClass::notice ? notices_before_ : records_before_) = *ever - *untold;
      }
      return {};
    });
  if (!status) log::error("outbox: the bounds were not set", {{"error", status.error().message}});
}

Status Outbox::set_limits(const OutboxLimits& limits) {
  return database_.write([&](Database::Access& db) -> Status {
    for (const EventClass of : kClasses) {
      const OutboxBounds& bounds = of == EventClass::notice ? limits.notices : limits.records;
      if (auto set = outbox_bounds::set(db, of, bounds); !set) return set;
      if (auto kept = outbox_bounds::keep(db, of); !kept) return kept;
    }
    return {};
  });
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
  const EventClass of = class_of(event.type);
  const size_t bytes = event.id.size() + event.type.size() + event.camera_id.size() + event.command_id.size() +
                       event.traceparent.size() + event.data.size();
  auto added = db.prepare(
                     "INSERT INTO outbox(id, at_us, type, camera_id, command_id, traceparent, data, class, bytes) "
                     "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
                   .bind(1, event.id)
                   .bind(2, to_us(event.at))
                   .bind(3, event.type)
                   .bind(4, event.camera_id)
                   .bind(5, event.command_id)
                   .bind(6, event.traceparent)
                   .bind(7, event.data)
                   .bind(8, class_name(of))
                   .bind(9, static_cast<int64_t>(bytes))
                   .run();
  if (!added) return added;
  return outbox_bounds::keep(db, of);
}

Result<std::vector<OutboxEvent>> Outbox::next(int64_t after_row, int most) const {
  std::vector<OutboxEvent> events;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(std::string(kColumns) + "WHERE row > ?1 ORDER BY row LIMIT ?2")
                   .bind(1, std::max<int64_t>(after_row, 0))
                   .bind(2, static_cast<int64_t>(most));
    events = read(row);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return events;
}

Status Outbox::settle(const std::vector<Outcome>& outcomes) {
  return database_.write(
      [&](Database::Access& db) -> Status {
        for (const Outcome& outcome : outcomes) {
          // -abs(): what was put aside already stays there, with the newer reason.
          auto done = outcome.refused == 0
                          ? db.prepare("DELETE FROM outbox WHERE row = ?1").bind(1, outcome.row).run()
                          : db.prepare("UPDATE outbox SET row = -abs(row), refused = ?2 WHERE row = ?1")
                                .bind(1, outcome.row)
                                .bind(2, int64_t{outcome.refused})
                                .run();
          if (!done) return done;
        }
        return {};
      },
      Durability::kill);
}

Result<std::vector<RefusedEvents>> Outbox::refused() const {
  std::vector<RefusedEvents> kinds;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT type, refused, count(*) FROM outbox WHERE row < 0 GROUP BY type, refused");
    while (row.step()) kinds.push_back({row.text(0), static_cast<int>(row.integer(1)), row.integer(2)});
    return row.status();
  });
  if (!status) return status.error_as_is();
  return kinds;
}

Result<std::vector<OutboxEvent>> Outbox::oldest_refused() const {
  std::vector<OutboxEvent> events;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(std::string(kColumns) +
                          "WHERE row IN (SELECT max(row) FROM outbox WHERE row < 0 GROUP BY type, refused)");
    events = read(row);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return events;
}

Result<int> Outbox::line_up_again(const std::string& type, int reason, int most) {
  std::vector<int64_t> rows;
  const auto status = database_.write(
      [&](Database::Access& db) -> Status {
        {
          auto row = db.prepare(
                           "SELECT row FROM outbox WHERE row < 0 AND type = ?1 AND refused = ?2 "
                           "ORDER BY row DESC LIMIT ?3")
                         .bind(1, type)
                         .bind(2, int64_t{reason})
                         .bind(3, int64_t{most});
          while (row.step()) rows.push_back(row.integer(0));
          if (auto read = row.status(); !read) return read;
        }
        for (const int64_t row : rows) {
          auto added = db.prepare(
                             "INSERT INTO outbox(id, at_us, type, camera_id, command_id, traceparent, data, class, "
                             "bytes) SELECT id, at_us, type, camera_id, command_id, traceparent, data, class, bytes "
                             "FROM outbox WHERE row = ?1")
                           .bind(1, row)
                           .run();
          if (!added) return added;
          if (auto gone = db.prepare("DELETE FROM outbox WHERE row = ?1").bind(1, row).run(); !gone) return gone;
        }
        return {};
      },
      Durability::kill);
  if (!status) return status.error_as_is();
  return static_cast<int>(rows.size());
}

Status Outbox::expire(UtcTime now) {
  return database_.write([&](Database::Access& db) { return outbox_bounds::expire(db, now); });
}

Result<bool> Outbox::has_dropped() const {
  bool any = false;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT 1 FROM outbox_dropped LIMIT 1");
    any = row.step();
    return row.status();
  });
  if (!status) return status.error_as_is();
  return any;
}

Status Outbox::tell_dropped(UtcTime now) {
  return database_.write([&](Database::Access& db) -> Status {
    int64_t total = -records_before_ - notices_before_;
    for (const EventClass of : kClasses) {
      const auto ever = dropped(db, of, false);
      if (!ever) return ever.error_as_is();
      total += *ever;
    }
    return outbox_bounds::tell(db, now, total);
  });
}

Result<OutboxFigures> Outbox::figures(UtcTime now) const {
  OutboxFigures figures;
  const auto status = database_.read([&](Database::Access& db) -> Status {
    {
      auto row = db.prepare("SELECT class, rows, bytes, refused, dropped FROM outbox_class");
      while (row.step()) {
        figures.rows += row.integer(1) - row.integer(3);
        figures.refused += row.integer(3);
        figures.bytes += row.integer(2);
        const bool notice = row.text(0) == class_name(EventClass::notice);
        (notice ? figures.dropped_notices : figures.dropped_records) =
            static_cast<uint64_t>(row.integer(4) - (notice ? notices_before_ : records_before_));
      }
      if (auto done = row.status(); !done) return done;
    }
    auto row = db.prepare("SELECT at_us FROM outbox WHERE row > 0 ORDER BY row LIMIT 1");
    if (row.step()) figures.oldest_s = std::max<int64_t>(0, (to_us(now) - row.integer(0)) / microseconds(1s).count());
    return row.status();
  });
  if (!status) return status.error_as_is();
  return figures;
}

}  // namespace vedette
