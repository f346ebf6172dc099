#pragma once

#include "agent/command.h"
#include "agent/config.h"
#include "agent/messages.h"
#include "storage/catalog.h"
#include "storage/loss_ledger.h"

// The verbs that ask what is kept, and what could not be. Of the main loop.
namespace vedette::storage_verbs {

// What of a camera's time there is, and why the rest is not.
messages::Answer timeline(const Catalog& catalog, const LossLedger& losses, const TimelineQuery& request, UtcTime now);
messages::Answer losses(const LossLedger& losses, const LossQuery& query);
messages::Answer status(const Config& config, const Catalog& catalog);

}  // namespace vedette::storage_verbs
