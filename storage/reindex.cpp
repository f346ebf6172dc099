#include "storage/reindex.h"

#include "core/file.h"
#include "core/ids.h"
#include "core/log.h"
#include "storage/columns.h"
#include "storage/manifest.h"

namespace vedette {

namespace {

namespace fs = std::filesystem;

// Where it is then.
Result<fs::path> set_catalog_aside(const Layout& layout) {
  if (auto made = file::make_directories(layout.quarantine()); !made) return made.error_as_is();
  const std::string name = layout.database().filename().string() + "." + new_id();
  // The log and its index belong to the file; alone they would be taken for those of the new one.
  for (const char* part : {"", "-wal", "-shm"}) {
    const fs::path from = layout.database().string() + part;
    if (std::error_code ignored; !fs::exists(from, ignored)) continue;
    if (auto moved = file::rename(from, layout.quarantine() / (name + part)); !moved) return moved.error_as_is();
  }
  std::error_code ignored;
  fs::remove(Database::damage_mark(layout.database()), ignored);
  if (auto synced = file::sync_directory(layout.quarantine()); !synced) return synced.error_as_is();
  if (auto synced = file::sync_directory(layout.root); !synced) return synced.error_as_is();
  return layout.quarantine() / name;
}

struct Protection {
  std::string clip_id;
  std::optional<UtcTime> until;
};

Result<std::vector<Protection>> protections_in(Database& database) {
  std::vector<Protection> out;
  const auto status = database.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT clip_id, until_us FROM clip WHERE protected = 1");
    while (row.step())
      out.push_back({row.text(0), row.is_null(1) ? std::nullopt : std::optional(from_us(row.integer(1)))});
    return row.status();
  });
  if (!status) return status.error_as_is();
  return out;
}

void take_over_protections(Database& old, Catalog& catalog) {
  const auto protections = protections_in(old);
  if (!protections)
    return log::warn("which clips are protected is not known any more", {{"why", protections.error().message}});
  for (const Protection& one : *protections)
    if (auto done = catalog.protect(one.clip_id, true, one.until); !done && done.error().code != Code::not_found)
      log::warn("a clip is protected no more", {{"clip_id", one.clip_id}, {"why", done.error().message}});
}

void take_over_pause(const Catalog& old, Catalog& catalog) {
  const auto paused = old.uploads_paused_until();
  if (!paused || !*paused) return;
  if (auto kept = catalog.set_uploads_paused_until(*paused); !kept)
    log::warn("uploads are paused no more", {{"why", kept.error().message}});
}

void take_over_scheduled_recordings(const Catalog& old, Catalog& catalog, UtcTime now) {
  const auto open = old.open_recordings();
  if (!open) return log::warn("which recordings are scheduled is not known any more", {{"why", open.error().message}});
  for (const RecordingRecord& one : *open) {
    if (!one.plan) continue;
    if (auto kept = catalog.add_recording(one.recording_id, one.camera_id, now, one.plan);
        !kept && kept.error().code != Code::already_exists)
      log::warn("a recording is scheduled no more",
                {{"recording_id", one.recording_id}, {"camera", one.camera_id}, {"why", kept.error().message}});
  }
}

Result<std::unique_ptr<Database>> open_anew(const Layout& layout) {
  auto database = Database::open(layout.database());
  if (!database) return database;
  if (auto noted = manifest_chain::note_restart(**database); !noted) return noted.error_as_is();
  return database;
}

}  // namespace

Result<OpenedCatalog> open_catalog(const Layout& layout) {
  auto database = Database::open(layout.database());
  if (database) return OpenedCatalog{std::move(*database), {}, {}};
  const Error why = database.error();
  if (why.code != Code::invalid_argument && why.code != Code::conflict) return database.error_as_is();
  log::error("the catalog is set aside and made again from the clips", {{"why", why.message}});
  auto aside = set_catalog_aside(layout);
  if (!aside) return aside.error_as_is();
  database = open_anew(layout);
  if (!database) return database.error_as_is();
  return OpenedCatalog{std::move(*database), why.message, std::move(*aside)};
}

void take_over(const fs::path& aside, Catalog& catalog, UtcTime now) {
  std::error_code ignored;
  if (!fs::exists(aside, ignored)) return;
  const auto database = Database::open(aside);
  if (!database)
    return log::warn("protections, pauses and scheduled recordings are not known any more",
                     {{"why", database.error().message}});
  const Catalog old(**database);
  take_over_protections(**database, catalog);
  take_over_pause(old, catalog);
  take_over_scheduled_recordings(old, catalog, now);
}

Result<RecoveryResult> reindex(const Layout& layout, const ManifestIssuer& issuer, const Clock& clock, bool posters) {
  const auto aside = set_catalog_aside(layout);
  if (!aside) return aside.error_as_is();
  const auto database = open_anew(layout);
  if (!database) return database.error_as_is();
  Catalog catalog(**database, issuer, posters);
  LossLedger losses(**database);
  auto recovered = recover(layout, catalog, losses, clock);
  if (recovered) take_over(*aside, catalog, clock.utc());
  return recovered;
}

}  // namespace vedette
