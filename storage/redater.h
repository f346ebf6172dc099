#pragma once

#include <stop_token>

#include "core/clock.h"
#include "storage/database.h"
#include "storage/layout.h"

namespace vedette {

struct Clip;

// Redater puts the dates right of what was recorded in this boot of the machine before its wall clock was set: each
// clip keeps when it began on the monotonic clock, so its date follows from the clock as it is now. Start, end, gaps
// and the upload that waits are changed in one transaction with the event clip.redated; file, name and object key stay
// as they are. The losses of this boot follow, without an event.
//
// A date that a synchronised clock gave is only changed by another one. The corrected clock is written to boots.json
// first, so a catalog that is made again has the right dates too. Killed at any point it is done by the next run().
// Used by one thread.
class Redater {
 public:
  Redater(const Layout& layout, Database& database, const Clock& clock)
      : layout_(layout), database_(database), clock_(clock) {}

  // The number of clips that got another date.
  Result<int> run(const std::stop_token& stop = {});

 private:
  struct Batch;
  Status redate(Database::Access& db, Batch& batch);

  const Layout& layout_;
  Database& database_;
  const Clock& clock_;
};

// The clip with everything in it moved, so that it starts then.
Clip moved_to(Clip clip, UtcTime start);

}  // namespace vedette
