#include "storage/loss_ledger.h"

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "core/log.h"
#include "storage/columns.h"
#include "storage/outbox.h"
#include "storage/page_cursor.h"

namespace vedette {

namespace {

constexpr char kOrder = 'l';  // of the pages, in their cursors
constexpr microseconds kCountEvery = 10min;
constexpr int64_t kForgotten = LossLedger::kMostRows / 100;  // at once, as others wait for the catalog meanwhile

Loss read(const Database::Statement& row) {
  Loss loss;
  loss.loss_id = row.text(0);
  loss.at = from_us(row.integer(1));
  loss.what = row.text(2);
  loss.camera_id = row.text(3);
  loss.clip_id = row.text(4);
  loss.start = from_us(row.integer(5));
  loss.end = from_us(row.integer(6));
  loss.packets = row.integer(7);
  loss.bytes = row.integer(8);
  loss.reason = row.text(9);
  return loss;
}

}  // namespace

LossLedger::LossLedger(Database& database) : database_(database) {}

Status LossLedger::record(const Loss& loss) {
  return database_.write([&](Database::Access& db) { return record(db, loss); });
}

void LossLedger::note(Loss loss, const Clock& clock) {
  loss.at = clock.utc();
  loss.loss_id = new_id(loss.at);
  loss.boot_id = boot_id();
  loss.clock_offset = clock.offset();
  loss.clock_synced = clock.synchronised();
  if (!frequent_.keep(loss, clock.mono())) write(loss);
}

void LossLedger::write(const Loss& loss) {
  const auto recorded = record(loss);
  if (recorded) return;
  log::error("loss not recorded yet", {{"camera", loss.camera_id},
                                       {"clip_id", loss.clip_id},
                                       {"reason", loss.reason},
                                       {"error", recorded.error().message}});
  if (unwritten_.keep(loss) || unwritten_.keep(loss, join)) return;
  log::error("loss not recorded at all", {{"camera", loss.camera_id}, {"reason", loss.reason}});
}

Status LossLedger::write_kept(MonoTime now) {
  for (const Loss& loss : frequent_.take(now)) write(loss);
  return unwritten_.write([this](const Loss& loss) { return record(loss); });
}

Status LossLedger::forget_oldest(MonoTime now) {
  if (counted_at_ && now - *counted_at_ < kCountEvery) return {};
  const auto rows = count();
  if (!rows) return rows.error_as_is();
  if (*rows <= kMostRows) {
    counted_at_ = now;
    return {};
  }
  auto gone = database_.write([](Database::Access& db) {
    return db.prepare("DELETE FROM loss WHERE loss_id IN (SELECT loss_id FROM loss ORDER BY at_us, loss_id LIMIT ?1)")
        .bind(1, kForgotten)
        .run();
  });
  if (gone) log::warn("the oldest losses are forgotten", {{"forgotten", kForgotten}, {"losses", *rows - kForgotten}});
  return gone;
}

Status LossLedger::record(Database::Access& db, const Loss& loss) {
  auto s = db.prepare(
      "INSERT INTO loss(loss_id, at_us, what, camera_id, clip_id, start_us, end_us, packets, bytes, reason, boot_id, "
      "clock_offset_us, clock_synced) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
  s.bind(1, loss.loss_id).bind(2, to_us(loss.at)).bind(3, loss.what).bind(4, loss.camera_id).bind(5, loss.clip_id);
  s.bind(6, to_us(loss.start)).bind(7, to_us(loss.end)).bind(8, loss.packets).bind(9, loss.bytes);
  s.bind(10, loss.reason).bind(11, loss.boot_id).bind(12, loss.clock_offset.count());
  s.bind(13, int64_t{loss.clock_synced});
  if (auto added = s.run(); !added) return added;
  return Outbox::add(db, make_event("loss.recorded", loss.camera_id, to_json(loss), loss.at));
}

Result<LossPage> LossLedger::query(const LossQuery& query) const {
  if (query.limit < 1) return fail(Code::invalid_argument, "limit: must be at least 1");
  Place after{INT64_MAX, {}};
  if (!query.cursor.empty()) {
    auto parsed = parse_cursor(kOrder, query.cursor);
    if (!parsed) return parsed.error_as_is();
    after = std::move(*parsed);
  }
  LossPage page;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(
        "SELECT loss_id, at_us, what, camera_id, clip_id, start_us, end_us, packets, bytes, reason FROM loss "
        "WHERE (at_us, loss_id) < (?1, ?2) AND max(end_us, start_us + 1) > ?3 AND start_us < ?4 "
        "ORDER BY at_us DESC, loss_id DESC LIMIT ?5");
    row.bind(1, after.at_us).bind(2, after.id).bind(3, query.from ? to_us(*query.from) : INT64_MIN);
    row.bind(4, query.to ? to_us(*query.to) : INT64_MAX);
    row.bind(5, int64_t{query.limit} + 1);  // one more tells whether there is a next page
    while (row.step()) page.losses.push_back(read(row));
    return row.status();
  });
  if (!status) return status.error_as_is();
  if (page.losses.size() > static_cast<size_t>(query.limit)) {
    page.losses.pop_back();
    page.next_cursor = cursor_text(kOrder, {to_us(page.losses.back().at), page.losses.back().loss_id});
  }
  return page;
}

Result<std::vector<Loss>> LossLedger::of_camera(const std::string& camera_id, UtcTime from, UtcTime to,
                                                int most) const {
  std::vector<Loss> losses;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(
        "SELECT loss_id, at_us, what, camera_id, clip_id, start_us, end_us, packets, bytes, reason FROM loss "
        "WHERE camera_id = ?1 AND start_us < ?2 AND end_us > ?3 ORDER BY at_us DESC, loss_id DESC LIMIT ?4");
    row.bind(1, camera_id).bind(2, to_us(to)).bind(3, to_us(from)).bind(4, int64_t{most});
    while (row.step()) losses.push_back(read(row));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return losses;
}

Result<int64_t> LossLedger::count() const {
  int64_t count = 0;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT count(*) FROM loss");
    if (row.step()) count = row.integer(0);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return count;
}

}  // namespace vedette
