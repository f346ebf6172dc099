#pragma once

#include "core/clock.h"
#include "storage/database.h"
#include "storage/outbox_limits.h"

// How the outbox stays within its bounds. Private to storage/; all of it inside a transaction of the caller's.
namespace vedette::outbox_bounds {

Status set(Database::Access& db, EventClass of, const OutboxBounds& bounds);

// After a row of the class was added: when it is above its bounds the oldest go, and a hundredth of the bound beyond
// that, so that it is not looked for the oldest with every row.
Status keep(Database::Access& db, EventClass of);

// What is older than its class may be; events of a clock that was never set (before 2020) have no age.
Status expire(Database::Access& db, UtcTime now);

// Writes an event and losses about what went since it was told last; `total` is said in the event.
Status tell(Database::Access& db, UtcTime now, int64_t total);

}  // namespace vedette::outbox_bounds
