#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "agent/event.h"
#include "core/inbox.h"
#include "storage/command_log.h"
#include "storage/database.h"
#include "storage/layout.h"
#include "storage/loss_ledger.h"
#include "storage/outbox.h"
#include "storage/volume.h"

namespace vedette {

// StorageWatch looks every second, in a thread of its own as a disk may take its time, whether the storage folder is
// still on the volume of the start and whether the catalog can be written, and tells the main loop when that changed
// (StorageSeen). It also puts right what can be: of a volume that comes back mounted anew the catalog and the journal
// of commands are opened again; what the catalog did not take, losses and events, is written when it does; the loss
// ledger is kept within its bound; a fault of the catalog is probed until it is over, so that nothing but the cause has
// to go for the status to be good again.
class StorageWatch {
 public:
  StorageWatch(const Layout& layout, Volume& volume, Database& database, CommandLog& commands, LossLedger& losses,
               Outbox& outbox, Inbox<Event>& inbox, const Clock& clock);

  void request_stop() { thread_.request_stop(); }

 private:
  void run(const std::stop_token& stop);
  StorageSeen look();
  Status return_to_volume();
  void write_kept();

  const Layout& layout_;
  Volume& volume_;
  Database& database_;
  CommandLog& commands_;
  LossLedger& losses_;
  Outbox& outbox_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  std::jthread thread_;
};

}  // namespace vedette
