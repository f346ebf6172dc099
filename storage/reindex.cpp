#include "storage/reindex.h"

#include "core/file.h"
#include "core/ids.h"
#include "core/log.h"
#include "storage/manifest.h"

namespace vedette {

namespace {

Status set_catalog_aside(const Layout& layout) {
  namespace fs = std::filesystem;
  if (auto made = file::make_directories(layout.quarantine()); !made) return made;
  const std::string name = layout.database().filename().string() + "." + new_id();
  // The log and its index belong to the file; alone they would be taken for those of the new one.
  for (const char* part : {"", "-wal", "-shm"}) {
    const fs::path from = layout.database().string() + part;
    std::error_code ignored;
    if (!fs::exists(from, ignored)) continue;
    if (auto moved = file::rename(from, layout.quarantine() / (name + part)); !moved) return moved;
  }
  if (auto synced = file::sync_directory(layout.quarantine()); !synced) return synced;
  return file::sync_directory(layout.root);
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
  if (database) return OpenedCatalog{std::move(*database), {}};
  const Error why = database.error();
  if (why.code != Code::invalid_argument && why.code != Code::conflict) return database.error_as_is();
  log::error("the catalog is set aside and made again from the clips", {{"why", why.message}});
  if (auto aside = set_catalog_aside(layout); !aside) return aside.error_as_is();
  database = open_anew(layout);
  if (!database) return database.error_as_is();
  return OpenedCatalog{std::move(*database), why.message};
}

Result<RecoveryResult> reindex(const Layout& layout, const ManifestIssuer& issuer, const Clock& clock, bool posters) {
  if (auto aside = set_catalog_aside(layout); !aside) return aside.error_as_is();
  const auto database = open_anew(layout);
  if (!database) return database.error_as_is();
  Catalog catalog(**database, issuer, posters);
  LossLedger losses(**database);
  return recover(layout, catalog, losses, clock);
}

}  // namespace vedette
