#pragma once

#include "agent/command.h"
#include "agent/messages.h"
#include "storage/catalog.h"
#include "uploader/target.h"

// The verbs about clips that the catalog answers at once. Of the main loop.
namespace vedette::clip_verbs {

messages::Answer query(const Catalog& catalog, const ClipQuery& query, UtcTime now);
messages::Answer get(const Catalog& catalog, const std::string& clip_id, UtcTime now);
messages::Answer protect(Catalog& catalog, const ClipProtect& request, UtcTime now);
// `target` is null when upload.target is none.
messages::Answer url(const Catalog& catalog, const Target* target, const ClipUrl& request, UtcTime now);

}  // namespace vedette::clip_verbs
