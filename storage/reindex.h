#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "storage/database.h"
#include "storage/layout.h"
#include "storage/recovery.h"

namespace vedette {

// The catalog as it was opened.
struct OpenedCatalog {
  std::unique_ptr<Database> database;
  std::string made_anew;        // why it begins empty and is to be filled by recover(); empty: it was in order
  std::filesystem::path aside;  // where the old one is then
};

// Opens the catalog of the folder. One that is damaged, or was used by a newer version of this program, is set aside
// (quarantine/) and a new one begins: recording must not wait for somebody to repair it. With it go the events that
// were not delivered and the replies to commands, and what take_over() cannot read.
Result<OpenedCatalog> open_catalog(const Layout& layout);

// What somebody has said, and no file says (protections, a pause of uploads, scheduled recordings): from the catalog
// that was set aside, as far as it can be read. Behind recover().
void take_over(const std::filesystem::path& aside, Catalog& catalog, UtcTime now);

// Sets the catalog aside whatever it is like, and makes it again from the files alone. For a folder whose lock is held
// (storage/volume.h). `posters`: as of the Catalog.
Result<RecoveryResult> reindex(const Layout& layout, const ManifestIssuer& issuer, const Clock& clock,
                               bool posters = false);

}  // namespace vedette
