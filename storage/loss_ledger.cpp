#include "storage/loss_ledger.h"

#include <nlohmann/json.hpp>

#include "storage/columns.h"
#include "storage/outbox.h"

namespace vedette {

Json to_json(const Loss& loss) {
  Json json;
  json["loss_id"] = loss.loss_id;
  json["at"] = to_rfc3339(loss.at);
  json["what"] = loss.what;
  if (!loss.camera_id.empty()) json["camera_id"] = loss.camera_id;
  if (!loss.clip_id.empty()) json["clip_id"] = loss.clip_id;
  json["start"] = to_rfc3339(loss.start);
  json["end"] = to_rfc3339(loss.end);
  json["packets"] = loss.packets;
  json["bytes"] = loss.bytes;
  json["reason"] = loss.reason;
  return json;
}

LossLedger::LossLedger(Database& database) : database_(database) {}

Status LossLedger::record(const Loss& loss) {
  return database_.write([&](Database::Access& db) -> Status {
    auto added = db.prepare(
                       "INSERT INTO loss(loss_id, at_us, what, camera_id, clip_id, start_us, end_us, packets, bytes, "
                       "reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
                     .bind(1, loss.loss_id)
                     .bind(2, to_us(loss.at))
                     .bind(3, loss.what)
                     .bind(4, loss.camera_id)
                     .bind(5, loss.clip_id)
                     .bind(6, to_us(loss.start))
                     .bind(7, to_us(loss.end))
                     .bind(8, loss.packets)
                     .bind(9, loss.bytes)
                     .bind(10, loss.reason)
                     .run();
    if (!added) return added;
    return Outbox::add(db, make_event("loss.recorded", loss.camera_id, to_json(loss), loss.at));
  });
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
