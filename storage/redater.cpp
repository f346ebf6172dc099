#include "storage/redater.h"

#include <nlohmann/json.hpp>

#include "core/log.h"
#include "storage/boot_clocks.h"
#include "storage/clip_row.h"
#include "storage/columns.h"
#include "storage/outbox.h"

namespace vedette {

namespace {

constexpr int kBatch = 100;  // clips in one transaction: others wait for the catalog meanwhile

// ?1 boot, ?2 clock offset, ?3 what is no step, ?4 whether the clock is synchronised.
constexpr std::string_view kMisdated =
    "c.boot_id = ?1 AND c.state = 'ready' AND abs(c.start_us - c.mono_start_us - ?2) > ?3 AND (?4 OR c.clock_synced = "
    "0)";

OutboxEvent event_of(const Clip& before, const Clip& after, bool synced, UtcTime now) {
  const Json data = {{"clip_id", after.clip_id},
                     {"recording_id", after.recording_id},
                     {"start", to_rfc3339(after.start)},
                     {"end", to_rfc3339(*after.end)},
                     {"previous_start", to_rfc3339(before.start)},
                     {"previous_end", to_rfc3339(*before.end)},
                     {"moved_by_ms", std::chrono::round<milliseconds>(after.start - before.start).count()},
                     {"clock_synced", synced}};
  OutboxEvent event = make_event("clip.redated", after.camera_id, data, now);
  event.command_id = after.command_id;
  event.traceparent = after.traceparent;
  return event;
}

Status write(Database::Access& db, const Clip& clip, microseconds moved_by) {
  auto row = db.prepare("UPDATE clip SET start_us=?2, end_us=?3, gaps=?4, clock_synced=?5 WHERE clip_id=?1");
  row.bind(1, clip.clip_id).bind(2, to_us(clip.start)).bind(3, to_us(*clip.end));
  row.bind(4, to_text(gaps_to_json(clip.gaps))).bind(5, int64_t{clip.clock_synced});
  if (auto done = row.run(); !done) return done;
  auto labels = db.prepare("UPDATE clip_label SET start_us=?2 WHERE clip_id=?1");
  if (auto done = labels.bind(1, clip.clip_id).bind(2, to_us(clip.start)).run(); !done) return done;
  auto upload = db.prepare(
      "UPDATE upload SET start_us=start_us+?2, end_us=end_us+?2 WHERE subject_id=?1 AND kind IN ('clip', 'poster') AND "
      "state='pending'");
  return upload.bind(1, clip.clip_id).bind(2, moved_by.count()).run();
}

}  // namespace

struct Redater::Batch {
  const microseconds offset;
  const bool synced;
  std::string after;  // id of the last clip that was looked at
  int clips = 0;
};

Clip moved_to(Clip clip, UtcTime start) {
  const auto by = start - clip.start;
  clip.start = start;
  if (clip.end) *clip.end += by;
  for (Gap& gap : clip.gaps) {
    gap.start += by;
    gap.end += by;
  }
  return clip;
}

Status Redater::redate(Database::Access& db, Batch& batch) {
  static const std::string kSelect =
      clip_row::select("WHERE " + std::string(kMisdated) + " AND c.clip_id > ?5 ORDER BY c.clip_id LIMIT ?6");
  std::vector<Clip> clips;
  {
    auto row = db.prepare(kSelect).bind(1, boot_id()).bind(2, batch.offset.count()).bind(3, kClockStep.count());
    row.bind(4, int64_t{batch.synced}).bind(5, batch.after).bind(6, int64_t{kBatch});
    while (row.step()) clips.push_back(clip_row::read(row));
    if (auto status = row.status(); !status) return status;
  }
  const UtcTime now = clock_.utc();
  for (const Clip& before : clips) {
    Clip after = moved_to(before, UtcTime(microseconds(before.mono_start_us) + batch.offset));
    after.clock_synced = batch.synced;
    if (auto done = write(db, after, after.start - before.start); !done) return done;
    if (auto told = Outbox::add(db, event_of(before, after, batch.synced, now)); !told) return told;
  }
  batch.clips = static_cast<int>(clips.size());
  if (!clips.empty()) batch.after = clips.back().clip_id;
  return {};
}

Result<int> Redater::run(const std::stop_token& stop) {
  Batch batch{clock_.offset(), clock_.synchronised(), {}, 0};
  bool any = false;
  const auto looked = database_.read([&](Database::Access& db) {
    static const std::string kAny = "SELECT 1 FROM clip c WHERE " + std::string(kMisdated) + " LIMIT 1";
    auto row = db.prepare(kAny).bind(1, boot_id()).bind(2, batch.offset.count()).bind(3, kClockStep.count());
    any = row.bind(4, int64_t{batch.synced}).step();
    return row.status();
  });
  if (!looked) return looked.error_as_is();
  if (any)
    if (auto saved = save_boot_clock(layout_, boot_id(), batch.offset); !saved) return saved.error_as_is();
  int clips = 0;
  while (any && !stop.stop_requested()) {
    auto done = database_.write([&](Database::Access& db) { return redate(db, batch); });
    if (!done) return done.error_as_is();
    clips += batch.clips;
    any = batch.clips == kBatch;
  }
  auto losses = database_.write([&](Database::Access& db) {
    auto row = db.prepare(
        "UPDATE loss SET start_us = start_us + ?2 - clock_offset_us, end_us = end_us + ?2 - clock_offset_us, "
        "at_us = at_us + ?2 - clock_offset_us, clock_offset_us = ?2, clock_synced = ?4 "
        "WHERE boot_id = ?1 AND abs(clock_offset_us - ?2) > ?3 AND (?4 OR clock_synced = 0)");
    row.bind(1, boot_id()).bind(2, batch.offset.count()).bind(3, kClockStep.count()).bind(4, int64_t{batch.synced});
    return row.run();
  });
  if (!losses) return losses.error_as_is();
  if (clips > 0) log::warn("clips were dated anew: the clock was set", {{"clips", clips}, {"synced", batch.synced}});
  return clips;
}

}  // namespace vedette
