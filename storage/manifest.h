#pragma once

#include <memory>
#include <string>

#include "core/ed25519.h"
#include "storage/catalog.h"
#include "storage/database.h"

namespace vedette {

// Inside storage/ only: the manifests of the clips of this device, each of which holds the hash of the one before
// (docs/integration/objects.md, "Manifests"). A clip gets its manifest in the transaction that makes it ready, and the
// chain goes on in the same one: whatever is killed, no number is given twice and no clip has two.
namespace manifest_chain {

// Adds the clip's manifest, and its upload if `with` is that of a clip that is to be in the store, and manifests are
// uploaded. A clip that has a manifest already keeps it.
Status add(Database::Access& db, const ManifestIssuer& issuer, const Clip& clip, const std::optional<Upload>& with);

// The upload of the manifest of a clip that is to be in the store after all; nothing where it has one, or there is
// none.
Status add_upload(Database::Access& db, const ManifestIssuer& issuer, const Upload& of_clip);

// The manifest of a clip that is gone goes too, unless the store is still to get it.
Status forget_if_done(Database::Access& db, const std::string& clip_id);

// To be called for a catalog that was made anew in the place of one that is lost: the chain, which nobody remembers,
// begins again with a manifest that says so.
Status note_restart(Database& database);

}  // namespace manifest_chain

}  // namespace vedette
