#include "storage/clip_row.h"

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "storage/columns.h"

namespace vedette::clip_row {

namespace {

// What we wrote ourselves: the limits only have to be wide enough.
constexpr JsonLimits kColumnLimits{16 * 1024 * 1024, 8, 1'000'000, false};

constexpr std::string_view kInsert =
    "INSERT INTO clip(clip_id, recording_id, camera_id, state, start_us, end_us, size_bytes, codec, width_px, "
    "height_px, audio, sha256, trigger, labels, lead_actual_ms, gaps, recovered, protected, command_id, traceparent, "
    "path, boot_id, mono_start_us, clock_synced, upload_wanted, priority, awaits_upload, container, "
    "camera_start_us) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, "
    "?24, ?25, ?26, ?25, ?27, ?28)";

constexpr std::string_view kInsertOrUpdate =
    "INSERT INTO clip(clip_id, recording_id, camera_id, state, start_us, end_us, size_bytes, codec, width_px, "
    "height_px, audio, sha256, trigger, labels, lead_actual_ms, gaps, recovered, protected, command_id, traceparent, "
    "path, boot_id, mono_start_us, clock_synced, upload_wanted, priority, awaits_upload, container, "
    "camera_start_us) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, "
    "?24, ?25, ?26, ?25, ?27, ?28) "
    "ON CONFLICT(clip_id) DO UPDATE SET recording_id=excluded.recording_id, camera_id=excluded.camera_id, "
    "state=excluded.state, start_us=excluded.start_us, end_us=excluded.end_us, size_bytes=excluded.size_bytes, "
    "codec=excluded.codec, width_px=excluded.width_px, height_px=excluded.height_px, audio=excluded.audio, "
    "sha256=excluded.sha256, trigger=excluded.trigger, labels=excluded.labels, "
    "lead_actual_ms=excluded.lead_actual_ms, gaps=excluded.gaps, recovered=excluded.recovered, "
    "protected=max(protected, excluded.protected), command_id=excluded.command_id, "
    "traceparent=excluded.traceparent, path=excluded.path, boot_id=excluded.boot_id, "
    "mono_start_us=excluded.mono_start_us, clock_synced=excluded.clock_synced, "
    "upload_wanted=excluded.upload_wanted, priority=excluded.priority, awaits_upload=excluded.awaits_upload, "
    "container=excluded.container, camera_start_us=excluded.camera_start_us";

std::vector<std::string> labels_from(const std::string& text) {
  std::vector<std::string> labels;
  const auto json = parse_json(text, kColumnLimits);
  if (!json || !json->is_array()) return labels;
  for (const Json& label : *json)
    if (label.is_string()) labels.push_back(label.get<std::string>());
  return labels;
}

std::optional<std::string> optional_text(const Database::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.text(column);
}

UploadSummary read_upload(const Database::Statement& row, int first) {
  UploadSummary upload;
  if (row.is_null(first)) return upload;
  upload.state = upload_state_from(row.text(first)).value_or(UploadState::none);
  upload.attempts = static_cast<int>(row.integer(first + 1));
  // The key is where the object will be; nobody is to look there before it is.
  if (upload.state == UploadState::uploaded) upload.object_key = row.text(first + 2);
  upload.last_error = optional_text(row, first + 3);
  return upload;
}

Status run(Database::Access& db, std::string_view sql, const Clip& clip) {
  auto s = db.prepare(sql);
  s.bind(1, clip.clip_id).bind(2, clip.recording_id).bind(3, clip.camera_id).bind(4, to_string(clip.state));
  s.bind(5, to_us(clip.start)).bind_null(6).bind(7, clip.size_bytes).bind(8, clip.codec);
  if (clip.end) s.bind(6, to_us(*clip.end));
  s.bind(9, int64_t{clip.width_px}).bind(10, int64_t{clip.height_px}).bind_null(11).bind(12, clip.sha256);
  if (clip.audio) s.bind(11, *clip.audio);
  s.bind(13, clip.trigger).bind(14, to_text(Json(clip.labels))).bind(15, clip.lead_actual_ms);
  s.bind(16, to_text(gaps_to_json(clip.gaps))).bind(17, int64_t{clip.recovered}).bind(18, int64_t{clip.is_protected});
  s.bind(19, clip.command_id).bind(20, clip.traceparent).bind(21, clip.path).bind(22, clip.boot_id);
  s.bind(23, clip.mono_start_us).bind(24, int64_t{clip.clock_synced}).bind(25, int64_t{clip.upload_wanted});
  s.bind(26, static_cast<int64_t>(clip.priority)).bind(27, container_name(clip.container)).bind_null(28);
  if (clip.camera_start) s.bind(28, to_us(*clip.camera_start));
  return s.run();
}

Status add_labels(Database::Access& db, const Clip& clip) {
  for (const std::string& label : clip.labels) {
    auto added = db.prepare("INSERT OR IGNORE INTO clip_label(label, start_us, clip_id) VALUES(?1, ?2, ?3)")
                     .bind(1, label)
                     .bind(2, to_us(clip.start))
                     .bind(3, clip.clip_id)
                     .run();
    if (!added) return added;
  }
  return {};
}

}  // namespace

const std::string_view kColumns =
    "c.clip_id, c.recording_id, c.camera_id, c.state, c.start_us, c.end_us, c.size_bytes, c.codec, c.width_px, "
    "c.height_px, c.audio, c.sha256, c.trigger, c.labels, c.lead_actual_ms, c.gaps, c.recovered, c.protected, "
    "c.command_id, c.traceparent, c.path, c.boot_id, c.mono_start_us, c.clock_synced, c.upload_wanted, c.priority, "
    "c.until_us, c.awaits_upload, c.container, c.camera_start_us, u.state, u.attempts, u.object_key, u.last_error, "
    "(SELECT object_key FROM upload WHERE subject_id = c.clip_id AND kind = 'poster' AND state = 'uploaded' LIMIT 1)";

const std::string_view kJoinUpload =
    "LEFT JOIN upload u ON u.row = (SELECT max(row) FROM upload WHERE subject_id = c.clip_id AND kind = 'clip')";

std::vector<Gap> gaps_from(const std::string& text) {
  if (text == "[]") return {};
  const auto json = parse_json(text, kColumnLimits);
  return json ? gaps_from_json(*json) : std::vector<Gap>();
}

Clip read(const Database::Statement& row) {
  Clip clip;
  clip.clip_id = row.text(0);
  clip.recording_id = row.text(1);
  clip.camera_id = row.text(2);
  clip.state = clip_state_from(row.text(3)).value_or(ClipState::recording);
  clip.start = from_us(row.integer(4));
  if (!row.is_null(5)) clip.end = from_us(row.integer(5));
  clip.size_bytes = row.integer(6);
  clip.codec = row.text(7);
  clip.width_px = static_cast<int>(row.integer(8));
  clip.height_px = static_cast<int>(row.integer(9));
  clip.audio = optional_text(row, 10);
  clip.sha256 = row.text(11);
  clip.trigger = row.text(12);
  clip.labels = labels_from(row.text(13));
  clip.lead_actual_ms = row.integer(14);
  clip.gaps = gaps_from(row.text(15));
  clip.recovered = row.integer(16) != 0;
  clip.is_protected = row.integer(17) != 0;
  clip.command_id = row.text(18);
  clip.traceparent = row.text(19);
  clip.path = row.text(20);
  clip.boot_id = row.text(21);
  clip.mono_start_us = row.integer(22);
  clip.clock_synced = row.integer(23) != 0;
  clip.upload_wanted = row.integer(24) != 0;
  clip.priority = static_cast<Priority>(row.integer(25));
  if (!row.is_null(26)) clip.protected_until = from_us(row.integer(26));
  clip.awaits_upload = row.integer(27) != 0;
  clip.container = container_from(row.text(28)).value_or(Container::mp4);
  if (!row.is_null(29)) clip.camera_start = from_us(row.integer(29));
  clip.upload = read_upload(row, 30);
  clip.poster_key = optional_text(row, 34);
  return clip;
}

std::string select(std::string_view rest) {
  std::string sql = "SELECT ";
  sql.append(kColumns).append(" FROM clip c ").append(kJoinUpload).append(" ").append(rest);
  return sql;
}

Result<Clip> find(Database::Access& db, const std::string& clip_id) {
  static const std::string kSelect = select("WHERE c.clip_id = ?1");
  auto row = db.prepare(kSelect).bind(1, clip_id);
  if (row.step()) return read(row);
  if (auto status = row.status(); !status) return status.error_as_is();
  return fail(Code::not_found, "clip " + clip_id + " is not known");
}

Status insert(Database::Access& db, const Clip& clip) {
  if (auto added = run(db, kInsert, clip); !added) return added;
  return add_labels(db, clip);
}

Status insert_or_update(Database::Access& db, const Clip& clip) {
  if (auto written = run(db, kInsertOrUpdate, clip); !written) return written;
  auto cleared = db.prepare("DELETE FROM clip_label WHERE clip_id = ?1").bind(1, clip.clip_id).run();
  if (!cleared) return cleared;
  return add_labels(db, clip);
}

}  // namespace vedette::clip_row
