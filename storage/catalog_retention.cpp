// The part of the Catalog that retention asks.
#include <algorithm>
#include <array>

#include "storage/catalog.h"
#include "storage/columns.h"

namespace vedette {

namespace {

constexpr std::array<std::string_view, 3> kLevels = {"ok", "low", "full"};

// The clips of one class in the order of the index clip_to_go, or of clip_to_go_by_camera. ?1 an instant before which
// they ended, ?2 the camera, ?4 one at or after which they started.
std::string select_class(const DeletableQuery& query, bool awaiting, std::optional<bool> wanted) {
  std::string sql =
      "SELECT clip_id, camera_id, size_bytes + poster_bytes, start_us FROM clip WHERE state = 'ready' AND protected = "
      "0 ";
  sql += awaiting ? "AND awaits_upload = 1" : "AND awaits_upload = 0";
  if (wanted) sql += *wanted ? " AND upload_wanted = 1" : " AND upload_wanted = 0";
  if (query.camera_id) sql += " AND camera_id = ?2";
  if (query.ended_before) sql += " AND start_us < ?1 AND end_us < ?1";
  if (query.started_from) sql += " AND start_us >= ?4";
  return sql;
}

// What belongs beside the clip is there, too, or will not be: of the picture and the manifest no row is left to be
// sent, and no picture is still to be made.
std::string nothing_follows(bool posters) {
  std::string sql =
      " AND NOT EXISTS (SELECT 1 FROM upload WHERE subject_id = clip_id AND kind IN ('poster', 'manifest') "
      "AND state IN ('pending', 'uploading'))";
  if (posters) sql += " AND poster <> 'wanted'";
  return sql;
}

std::string select_deletable(const DeletableQuery& query, bool posters) {
  std::string sql;
  if (query.only_uploaded)
    sql = select_class(query, false, true) + nothing_follows(posters);
  else if (query.camera_id)
    sql = select_class(query, query.awaiting_upload, std::nullopt);
  else if (query.awaiting_upload)
    sql = select_class(query, true, true);
  else  // two runs of the index, merged
    sql = select_class(query, false, false) + " UNION ALL " + select_class(query, false, true);
  return sql + " ORDER BY start_us, clip_id LIMIT ?3";
}

}  // namespace

std::string_view to_string(SpaceLevel level) {
  return kLevels[static_cast<size_t>(level)];
}

Result<std::vector<DeletableClip>> Catalog::deletable(const DeletableQuery& query) const {
  const std::string sql = select_deletable(query, posters_);
  std::vector<DeletableClip> clips;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(sql);
    if (query.ended_before) row.bind(1, to_us(*query.ended_before));
    if (query.camera_id) row.bind(2, *query.camera_id);
    row.bind(3, query.limit + static_cast<int64_t>(holds_.count()));
    if (query.started_from) row.bind(4, to_us(*query.started_from));
    while (static_cast<int>(clips.size()) < query.limit && row.step())
      if (!holds_.holds(row.text(0))) clips.push_back({row.text(0), row.text(1), row.integer(2)});
    return row.status();
  });
  if (!status) return status.error_as_is();
  return clips;
}

Status Catalog::end_protections(UtcTime now, int most) {
  constexpr std::string_view kOver = "protected = 1 AND until_us IS NOT NULL AND until_us <= ?1";
  static const std::string kAny = "SELECT 1 FROM clip WHERE " + std::string(kOver) + " LIMIT 1";
  static const std::string kEnd =
      "UPDATE clip SET protected = 0, until_us = NULL WHERE clip_id IN (SELECT clip_id FROM clip WHERE " +
      std::string(kOver) + " LIMIT ?2)";
  bool any = false;
  auto asked = database_.read([&](Database::Access& db) {
    auto row = db.prepare(kAny).bind(1, to_us(now));
    any = row.step();
    return row.status();
  });
  if (!asked || !any) return asked;
  return database_.write(
      [&](Database::Access& db) { return db.prepare(kEnd).bind(1, to_us(now)).bind(2, int64_t{most}).run(); });
}

Result<SpaceLevel> Catalog::space_level() const {
  SpaceLevel level = SpaceLevel::ok;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT value FROM figure WHERE name = 'space_level'");
    if (row.step()) level = static_cast<SpaceLevel>(std::clamp<int64_t>(row.integer(0), 0, kLevels.size() - 1));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return level;
}

Status Catalog::set_space_level(SpaceLevel level, const OutboxEvent& event) {
  return database_.write([&](Database::Access& db) -> Status {
    auto set = db.prepare("INSERT OR REPLACE INTO figure(name, value) VALUES('space_level', ?1)")
                   .bind(1, static_cast<int64_t>(level))
                   .run();
    if (!set) return set;
    return Outbox::add(db, event);
  });
}

}  // namespace vedette
