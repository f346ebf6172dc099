// The part of the Catalog that lets clips go.
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "storage/catalog.h"
#include "storage/clip_row.h"
#include "storage/columns.h"
#include "storage/loss_ledger.h"
#include "storage/manifest.h"

namespace vedette {

namespace {

Deletion deletion_of(const Clip& clip, const DeletionOrder& order) {
  Deletion deletion;
  deletion.clip_id = clip.clip_id;
  deletion.recording_id = clip.recording_id;
  deletion.camera_id = clip.camera_id;
  deletion.path = clip.path;
  deletion.start = clip.start;
  deletion.end = clip.end.value_or(clip.start);
  deletion.size_bytes = clip.size_bytes;
  deletion.reason = order.reason;
  if (clip.awaits_upload) deletion.loss_reason = order.loss_reason;
  deletion.command_id = order.command_id;
  deletion.traceparent = order.traceparent;
  return deletion;
}

// Ok when the clip may go.
Status check(const Clip& clip, const DeletionOrder& order, const ClipHolds& holds, UtcTime now) {
  if (holds.holds(clip.clip_id)) return fail(Code::conflict, "the clip is being read; try again");
  if (clip.state == ClipState::recording || clip.state == ClipState::finalizing)
    return fail(Code::conflict, "the clip is still being recorded");
  if (is_protected(clip, now) && !order.even_protected) return fail(Code::conflict, "the clip is protected");
  if (clip.awaits_upload && !order.even_not_uploaded)
    return fail(Code::conflict,
                "the clip is not uploaded yet: its upload is " + std::string(to_string(clip.upload.state)));
  return {};
}

// The upload row goes at once: nobody is to begin what cannot be ended. An upload that is under way finds its row gone.
Status begin(Database::Access& db, const Deletion& deletion) {
  auto noted = db.prepare(
                     "INSERT INTO deletion(clip_id, reason, loss_reason, command_id, traceparent) "
                     "VALUES(?1, ?2, ?3, ?4, ?5)")
                   .bind(1, deletion.clip_id)
                   .bind(2, deletion.reason)
                   .bind(3, deletion.loss_reason)
                   .bind(4, deletion.command_id)
                   .bind(5, deletion.traceparent)
                   .run();
  if (!noted) return noted;
  auto gone = db.prepare("DELETE FROM upload WHERE subject_id = ?1 AND kind IN ('clip', 'poster')")
                  .bind(1, deletion.clip_id)
                  .run();
  if (!gone) return gone;
  return db.prepare("UPDATE clip SET state = 'deleting' WHERE clip_id = ?1").bind(1, deletion.clip_id).run();
}

Loss loss_of(const Deletion& deletion, UtcTime now) {
  Loss loss;
  loss.loss_id = new_id(now);
  loss.at = now;
  loss.what = "clip";
  loss.camera_id = deletion.camera_id;
  loss.clip_id = deletion.clip_id;
  loss.start = deletion.start;
  loss.end = deletion.end;
  loss.bytes = deletion.size_bytes;
  loss.reason = deletion.loss_reason;
  return loss;
}

OutboxEvent event_of(const Deletion& deletion, UtcTime now) {
  OutboxEvent event = make_event("clip.deleted", deletion.camera_id,
                                 {{"clip_id", deletion.clip_id},
                                  {"recording_id", deletion.recording_id},
                                  {"size_bytes", deletion.size_bytes},
                                  {"reason", deletion.reason}},
                                 now);
  event.command_id = deletion.command_id;
  event.traceparent = deletion.traceparent;
  return event;
}

Status end(Database::Access& db, const Deletion& deletion, UtcTime now) {
  auto gone = db.prepare("DELETE FROM clip WHERE clip_id = ?1 AND state = 'deleting'").bind(1, deletion.clip_id).run();
  if (!gone || db.changes() == 0) return gone;
  if (auto forgotten = manifest_chain::forget_if_done(db, deletion.clip_id); !forgotten) return forgotten;
  if (!deletion.loss_reason.empty())
    if (auto lost = LossLedger::record(db, loss_of(deletion, now)); !lost) return lost;
  return Outbox::add(db, event_of(deletion, now));
}

}  // namespace

Result<DeletionsBegun> Catalog::begin_deletions(const std::vector<std::string>& clip_ids, const DeletionOrder& order,
                                                UtcTime now) {
  DeletionsBegun out;
  const auto status = database_.write([&](Database::Access& db) -> Status {
    for (const std::string& clip_id : clip_ids) {
      const auto clip = clip_row::find(db, clip_id);
      if (!clip && clip.error().code != Code::not_found) return clip.error_as_is();
      const Status allowed = clip ? check(*clip, order, holds_, now) : Status(clip.error_as_is());
      if (!allowed) {
        out.refused.push_back({clip_id, allowed.error()});
        continue;
      }
      out.begun.push_back(deletion_of(*clip, order));
      if (clip->state == ClipState::deleting) continue;  // begun before, and not ended: the disk did not allow it
      if (auto begun = begin(db, out.begun.back()); !begun) return begun;
    }
    return {};
  });
  if (!status) return status.error_as_is();
  return out;
}

Result<std::vector<Deletion>> Catalog::deletions(int most) const {
  std::vector<Deletion> out;
  const auto status = database_.read([&](Database::Access& db) {
    auto row =
        db.prepare(
              "SELECT c.clip_id, c.recording_id, c.camera_id, c.path, c.start_us, coalesce(c.end_us, c.start_us), "
              "c.size_bytes, coalesce(d.reason, 'command'), coalesce(d.loss_reason, ''), "
              "coalesce(d.command_id, ''), coalesce(d.traceparent, '') FROM clip c LEFT JOIN deletion d USING "
              "(clip_id) WHERE c.state <> 'ready' AND c.state = 'deleting' ORDER BY c.start_us LIMIT ?1")
            .bind(1, int64_t{most});
    while (row.step())
      out.push_back({row.text(0), row.text(1), row.text(2), row.text(3), from_us(row.integer(4)),
                     from_us(row.integer(5)), row.integer(6), row.text(7), row.text(8), row.text(9), row.text(10)});
    return row.status();
  });
  if (!status) return status.error_as_is();
  return out;
}

Status Catalog::end_deletions(const std::vector<Deletion>& deletions, UtcTime now) {
  return database_.write([&](Database::Access& db) -> Status {
    for (const Deletion& deletion : deletions)
      if (auto ended = end(db, deletion, now); !ended) return ended;
    return {};
  });
}

}  // namespace vedette
