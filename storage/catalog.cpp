#include "storage/catalog.h"

#include <nlohmann/json.hpp>

#include "storage/clip_row.h"
#include "storage/columns.h"
#include "storage/manifest.h"
#include "storage/poster_row.h"
#include "storage/upload_row.h"

namespace vedette {

namespace {

Status add_events(Database::Access& db, const std::vector<OutboxEvent>& events) {
  for (const OutboxEvent& event : events)
    if (auto added = Outbox::add(db, event); !added) return added;
  return {};
}

Status write_ready(Database::Access& db, const Clip& clip, const std::optional<Upload>& upload, bool poster) {
  Clip ready = clip;
  ready.state = ClipState::ready;
  if (auto written = clip_row::insert_or_update(db, ready); !written) return written;
  if (!upload) return {};
  const auto row = upload_row::insert(db, *upload);
  if (!row) return row.error_as_is();
  return poster ? poster_row::want(db, clip.clip_id, upload->queued_at) : Status();
}

Status remember(Database::Access& db, const std::string& recording_id, const std::string& camera_id, UtcTime begun) {
  return db.prepare("INSERT OR IGNORE INTO recording(recording_id, camera_id, begun_us, ended) VALUES(?1, ?2, ?3, 1)")
      .bind(1, recording_id)
      .bind(2, camera_id)
      .bind(3, to_us(begun))
      .run();
}

constexpr std::string_view kRecordingColumns = "recording_id, camera_id, ended, plan";

RecordingRecord read_recording(const Database::Statement& row) {
  return {row.text(0), row.text(1), row.integer(2) != 0, recording_plan_from(row.text(3))};
}

}  // namespace

Catalog::Catalog(Database& database, ManifestIssuer issuer, bool posters)
    : database_(database), issuer_(std::move(issuer)), posters_(posters) {}

Status Catalog::add_recording(const std::string& recording_id, const std::string& camera_id, UtcTime now,
                              const std::optional<RecordingPlan>& plan) {
  auto added = database_.write([&](Database::Access& db) {
    return db.prepare("INSERT INTO recording(recording_id, camera_id, begun_us, plan) VALUES(?1, ?2, ?3, ?4)")
        .bind(1, recording_id)
        .bind(2, camera_id)
        .bind(3, to_us(now))
        .bind(4, plan ? to_text(*plan) : std::string())
        .run();
  });
  if (!added && added.error().code == Code::already_exists)
    return fail(Code::already_exists, "recording " + recording_id + " exists");
  return added;
}

Status Catalog::end_recording(const std::string& recording_id, const std::vector<OutboxEvent>& events) {
  return database_.write([&](Database::Access& db) {
    auto ended = db.prepare("UPDATE recording SET ended = 1 WHERE recording_id = ?1").bind(1, recording_id).run();
    return ended ? add_events(db, events) : ended;
  });
}

Status Catalog::remember_recording(const std::string& recording_id, const std::string& camera_id, UtcTime begun) {
  return database_.write([&](Database::Access& db) { return remember(db, recording_id, camera_id, begun); });
}

Result<std::vector<RecordingRecord>> Catalog::open_recordings() const {
  std::vector<RecordingRecord> records;
  const auto status = database_.read([&](Database::Access& db) {
    auto row =
        db.prepare("SELECT " + std::string(kRecordingColumns) + " FROM recording WHERE ended = 0 ORDER BY begun_us");
    while (row.step()) records.push_back(read_recording(row));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return records;
}

Result<std::optional<RecordingRecord>> Catalog::recording(const std::string& recording_id) const {
  std::optional<RecordingRecord> record;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT " + std::string(kRecordingColumns) + " FROM recording WHERE recording_id = ?1")
                   .bind(1, recording_id);
    if (row.step()) record = read_recording(row);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return record;
}

Status Catalog::add_clip(const Clip& clip) {
  return database_.write([&](Database::Access& db) { return clip_row::insert(db, clip); });
}

Status Catalog::set_gaps(const std::string& clip_id, const std::vector<Gap>& gaps) {
  return database_.write([&](Database::Access& db) {
    return db.prepare("UPDATE clip SET gaps = ?2 WHERE clip_id = ?1")
        .bind(1, clip_id)
        .bind(2, to_text(gaps_to_json(gaps)))
        .run();
  });
}

Status Catalog::finish_clip(const Clip& clip, const std::vector<OutboxEvent>& events,
                            const std::optional<Upload>& upload) {
  return database_.write([&](Database::Access& db) -> Status {
    if (auto written = manifest_chain::add(db, issuer_, clip, upload); !written) return written;
    auto written = write_ready(db, clip, upload, posters_);
    return written ? add_events(db, events) : written;
  });
}

Status Catalog::index_clips(const std::vector<Found>& found) {
  return database_.write([&](Database::Access& db) -> Status {
    for (const auto& [clip, upload] : found) {
      if (auto written = write_ready(db, clip, upload, posters_); !written) return written;
      // An id is not to be used again, also when it is only known from its clips.
      if (auto known = remember(db, clip.recording_id, clip.camera_id, clip.start); !known) return known;
    }
    return {};
  });
}

Status Catalog::forget_clip(const std::string& clip_id) {
  return database_.write([&](Database::Access& db) {
    return db.prepare("DELETE FROM clip WHERE clip_id = ?1 AND state IN ('recording', 'finalizing')")
        .bind(1, clip_id)
        .run();
  });
}

Result<Clip> Catalog::clip(const std::string& clip_id) const {
  std::optional<Clip> clip;
  const auto status = database_.read([&](Database::Access& db) -> Status {
    auto found = clip_row::find(db, clip_id);
    if (!found) return found.error_as_is();
    clip = std::move(*found);
    return {};
  });
  if (!status) return status.error_as_is();
  return std::move(*clip);
}

Result<std::string> Catalog::manifest(const std::string& clip_id) const {
  std::string text;
  const auto status = database_.read([&](Database::Access& db) -> Status {
    auto row = db.prepare("SELECT text FROM manifest WHERE clip_id = ?1").bind(1, clip_id);
    if (row.step())
      text = row.text(0);
    else if (auto read = row.status(); read)
      return fail(Code::not_found, "there is no manifest of clip " + clip_id);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return text;
}

Result<std::optional<std::string>> Catalog::manifest_key(const std::string& clip_id) const {
  std::optional<std::string> key;
  const auto status = database_.read([&](Database::Access& db) {
    auto row =
        db.prepare("SELECT object_key FROM upload WHERE subject_id = ?1 AND kind = 'manifest' AND state = 'uploaded'")
            .bind(1, clip_id);
    if (row.step()) key = row.text(0);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return key;
}

Result<Clip> Catalog::protect(const std::string& clip_id, bool wanted, std::optional<UtcTime> until) {
  std::optional<Clip> clip;
  const auto status = database_.write([&](Database::Access& db) -> Status {
    auto found = clip_row::find(db, clip_id);
    if (!found) return found.error_as_is();
    if (found->state == ClipState::deleting) return fail(Code::conflict, "the clip is being deleted");
    clip = std::move(*found);
    clip->is_protected = wanted;
    clip->protected_until = until;
    auto s = db.prepare("UPDATE clip SET protected = ?2, until_us = ?3 WHERE clip_id = ?1");
    s.bind(1, clip_id).bind(2, int64_t{wanted}).bind_null(3);
    if (until) s.bind(3, to_us(*until));
    return s.run();
  });
  if (!status) return status.error_as_is();
  return std::move(*clip);
}

Result<bool> Catalog::has_clip(const std::string& clip_id) const {
  bool known = false;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT 1 FROM clip WHERE clip_id = ?1").bind(1, clip_id);
    known = row.step();
    return row.status();
  });
  if (!status) return status.error_as_is();
  return known;
}

Result<std::vector<std::string>> Catalog::clips_of_recording(const std::string& recording_id) const {
  std::vector<std::string> ids;
  const auto status = database_.read([&](Database::Access& db) {
    auto row =
        db.prepare("SELECT clip_id FROM clip WHERE recording_id = ?1 ORDER BY start_us, clip_id").bind(1, recording_id);
    while (row.step()) ids.push_back(row.text(0));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return ids;
}

Result<std::vector<Clip>> Catalog::unfinished_clips() const {
  static const std::string kSelect =
      clip_row::select("WHERE c.state <> 'ready' AND c.state IN ('recording', 'finalizing') ORDER BY c.start_us");
  std::vector<Clip> clips;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(kSelect);
    while (row.step()) clips.push_back(clip_row::read(row));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return clips;
}

Result<std::optional<UtcTime>> Catalog::schedules_seen() const {
  std::optional<UtcTime> seen;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT value FROM figure WHERE name = 'schedules_seen_us'");
    if (row.step()) seen = from_us(row.integer(0));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return seen;
}

Status Catalog::set_schedules_seen(UtcTime now) {
  return database_.write([&](Database::Access& db) {
    return db.prepare("INSERT OR REPLACE INTO figure(name, value) VALUES('schedules_seen_us', ?1)")
        .bind(1, to_us(now))
        .run();
  });
}

}  // namespace vedette
