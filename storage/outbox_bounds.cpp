#include "storage/outbox_bounds.h"

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/ids.h"
#include "storage/columns.h"
#include "storage/loss_ledger.h"
#include "storage/outbox.h"

namespace vedette::outbox_bounds {

namespace {

constexpr UtcTime kNeverSet{1'577'836'800s};  // 2020
constexpr int64_t kSlack = 100;               // a hundredth
constexpr int kMostExpired = 1000;            // at once, as others wait for the catalog meanwhile

struct Victim {
  int64_t row = 0;
  int64_t bytes = 0;
  int64_t at_us = 0;
  std::string type;
};

enum class Choice { take, pass_by, enough };

// The literals let SQLite use the index of notices.
std::string oldest_of(EventClass of, bool refused) {
  return "SELECT row, bytes, at_us, type FROM outbox WHERE class = '" + std::string(class_name(of)) + "' AND row " +
         (refused ? "< 0 ORDER BY row DESC" : "> 0 ORDER BY row");
}

// From the oldest on, those that were refused first.
Result<std::vector<Victim>> choose(Database::Access& db, EventClass of,
                                   const std::function<Choice(const Victim&)>& choice) {
  std::vector<Victim> victims;
  for (const bool refused : {true, false}) {
    auto row = db.prepare(oldest_of(of, refused));
    while (row.step()) {
      Victim victim{row.integer(0), row.integer(1), row.integer(2), row.text(3)};
      const Choice chosen = choice(victim);
      if (chosen == Choice::enough) break;
      if (chosen == Choice::take) victims.push_back(std::move(victim));
    }
    if (auto status = row.status(); !status) return status.error_as_is();
  }
  return victims;
}

Status remember(Database::Access& db, EventClass of, const std::string& type, const char* reason,
                const std::vector<const Victim*>& victims) {
  int64_t bytes = 0, first = INT64_MAX, last = INT64_MIN;
  for (const Victim* victim : victims) {
    bytes += victim->bytes;
    first = std::min(first, victim->at_us);
    last = std::max(last, victim->at_us);
  }
  auto s = db.prepare(
      "INSERT INTO outbox_dropped(type, reason, class, rows, bytes, first_us, last_us) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(type, reason) DO UPDATE SET rows = rows + excluded.rows, "
      "bytes = bytes + excluded.bytes, first_us = min(first_us, excluded.first_us), "
      "last_us = max(last_us, excluded.last_us)");
  s.bind(1, type).bind(2, reason).bind(3, class_name(of)).bind(4, static_cast<int64_t>(victims.size()));
  s.bind(5, bytes).bind(6, first).bind(7, last);
  return s.run();
}

Status drop(Database::Access& db, EventClass of, const std::vector<Victim>& victims, const char* reason) {
  std::map<std::string, std::vector<const Victim*>> by_type;
  for (const Victim& victim : victims) {
    by_type[victim.type].push_back(&victim);
    if (auto gone = db.prepare("DELETE FROM outbox WHERE row = ?1").bind(1, victim.row).run(); !gone) return gone;
  }
  for (const auto& [type, those] : by_type)
    if (auto noted = remember(db, of, type, reason, those); !noted) return noted;
  return db.prepare("UPDATE outbox_class SET dropped = dropped + ?2 WHERE class = ?1")
      .bind(1, class_name(of))
      .bind(2, static_cast<int64_t>(victims.size()))
      .run();
}

struct Dropped {
  std::string type, reason, of;
  int64_t rows = 0, bytes = 0;
  UtcTime first, last;
};

Result<std::vector<Dropped>> take_dropped(Database::Access& db) {
  std::vector<Dropped> dropped;
  {
    auto row = db.prepare("SELECT type, reason, class, rows, bytes, first_us, last_us FROM outbox_dropped");
    while (row.step())
      dropped.push_back({row.text(0), row.text(1), row.text(2), row.integer(3), row.integer(4), from_us(row.integer(5)),
                         from_us(row.integer(6))});
    if (auto status = row.status(); !status) return status.error_as_is();
  }
  if (auto taken = db.prepare("DELETE FROM outbox_dropped").run(); !taken) return taken.error_as_is();
  return dropped;
}

Json event_data(const std::vector<Dropped>& dropped, int64_t total) {
  int64_t rows = 0;
  UtcTime first = UtcTime::max(), last = UtcTime::min();
  Json types = Json::array();
  for (const Dropped& one : dropped) {
    rows += one.rows;
    first = std::min(first, one.first);
    last = std::max(last, one.last);
    types.push_back(
        {{"type", one.type}, {"class", one.of}, {"reason", one.reason}, {"dropped", one.rows}, {"bytes", one.bytes}});
  }
  return {{"dropped", rows},
          {"dropped_total", total},
          {"from", to_rfc3339(first)},
          {"to", to_rfc3339(last)},
          {"types", std::move(types)}};
}

}  // namespace

Status set(Database::Access& db, EventClass of, const OutboxBounds& bounds) {
  auto s = db.prepare("UPDATE outbox_class SET most_rows = ?2, most_bytes = ?3, most_age_us = ?4 WHERE class = ?1");
  s.bind(1, class_name(of)).bind(2, bounds.rows).bind(3, bounds.bytes).bind(4, microseconds(bounds.age).count());
  return s.run();
}

Status keep(Database::Access& db, EventClass of) {
  int64_t rows = 0, bytes = 0, most_rows = 0, most_bytes = 0;
  {
    auto row = db.prepare("SELECT rows, bytes, most_rows, most_bytes FROM outbox_class WHERE class = ?1")
                   .bind(1, class_name(of));
    if (row.step()) {
      rows = row.integer(0);
      bytes = row.integer(1);
      most_rows = row.integer(2);
      most_bytes = row.integer(3);
    }
    if (auto status = row.status(); !status) return status;
  }
  if (rows <= most_rows && bytes <= most_bytes) return {};
  const char* reason = rows > most_rows ? "outbox_rows" : "outbox_bytes";
  const int64_t rows_wanted = most_rows - (rows > most_rows ? most_rows / kSlack : 0);
  const int64_t bytes_wanted = most_bytes - (bytes > most_bytes ? most_bytes / kSlack : 0);
  const auto victims = choose(db, of, [&](const Victim& victim) {
    if (rows <= rows_wanted && bytes <= bytes_wanted) return Choice::enough;
    --rows;
    bytes -= victim.bytes;
    return Choice::take;
  });
  if (!victims) return victims.error_as_is();
  return drop(db, of, *victims, reason);
}

Status expire(Database::Access& db, UtcTime now) {
  for (const EventClass of : {EventClass::record, EventClass::notice}) {
    int64_t age_us = 0;
    {
      auto row = db.prepare("SELECT most_age_us FROM outbox_class WHERE class = ?1").bind(1, class_name(of));
      if (row.step()) age_us = row.integer(0);
      if (auto status = row.status(); !status) return status;
    }
    if (age_us == 0) continue;
    int taken = 0;
    const auto victims = choose(db, of, [&](const Victim& victim) {
      if (from_us(victim.at_us) < kNeverSet) return Choice::pass_by;
      if (victim.at_us >= to_us(now) - age_us || taken == kMostExpired) return Choice::enough;
      ++taken;
      return Choice::take;
    });
    if (!victims) return victims.error_as_is();
    if (victims->empty()) continue;
    if (auto dropped = drop(db, of, *victims, "outbox_age"); !dropped) return dropped;
  }
  return {};
}

Status tell(Database::Access& db, UtcTime now, int64_t total) {
  const auto dropped = take_dropped(db);
  if (!dropped) return dropped.error_as_is();
  if (dropped->empty()) return {};
  if (auto told = Outbox::add(db, make_event("outbox.dropped", {}, event_data(*dropped, total), now)); !told)
    return told;
  std::map<std::pair<std::string, std::string>, Loss> losses;  // by class and reason
  for (const Dropped& one : *dropped) {
    auto [it, is_new] = losses.try_emplace({one.of, one.reason});
    Loss& loss = it->second;
    if (is_new) {
      loss.loss_id = new_id(now);
      loss.at = now;
      loss.what = "event";
      loss.reason = one.reason;
      loss.start = one.first;
      loss.end = one.last;
    }
    loss.start = std::min(loss.start, one.first);
    loss.end = std::max(loss.end, one.last);
    loss.packets += one.rows;
    loss.bytes += one.bytes;
  }
  for (const auto& [key, loss] : losses)
    if (auto recorded = LossLedger::record(db, loss); !recorded) return recorded;
  return {};
}

}  // namespace vedette::outbox_bounds
