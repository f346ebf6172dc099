#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "storage/loss_ledger.h"

namespace vedette {

struct RecoveryResult {
  int recovered = 0;    // clips that were open, kept
  int indexed = 0;      // clips that were closed, and in no catalog
  int quarantined = 0;  // files that could not be repaired
  int forgotten = 0;    // rows without a frame on disk
};

// Puts files and catalog in agreement after a kill or a power cut, before the first recording of this run: every .part
// is cut behind its last whole fragment, finalised and indexed as a clip with `recovered` (event clip.recovered, upload
// row as any clip), what cannot be repaired goes to quarantine/ (loss ledger, reason file_damaged), rows that have no
// file are removed (loss ledger). Closed clips that the catalog does not know (it was lost) are indexed again, from the
// metadata in each. A fault of the disk or the catalog leaves an open clip for the next start. Never fails because of
// one bad file, but when the catalog takes no closed clips.
Result<RecoveryResult> recover(const Layout& layout, Catalog& catalog, LossLedger& losses, const Clock& clock);

}  // namespace vedette
