#pragma once

#include <map>
#include <string>

#include "agent/command.h"
#include "agent/config.h"
#include "agent/diagnostics_bundle.h"
#include "agent/event.h"
#include "agent/messages.h"
#include "agent/monitoring.h"
#include "agent/status_board.h"
#include "core/inbox.h"
#include "core/jobs.h"
#include "sources/camera.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "storage/loss_ledger.h"
#include "storage/volume.h"

namespace vedette {

// Diagnostics carries out agent.diagnostics: the main loop writes down what it knows, a job thread makes a bundle of
// it, and the answer goes out when that is on the disk and, where it is uploaded, the store has proved that it holds
// it, or timeout_ms is over. Belongs to the main loop; borrows all it reports on, which outlives it.
class Diagnostics {
 public:
  Diagnostics(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog,
              const LossLedger& losses, const Cameras& cameras, StatusBoard& board, Monitoring& monitoring,
              Inbox<Event>& inbox, const Clock& clock);

  // Accepts, or refuses at once. `uploads`: there is somewhere to upload to.
  messages::Answer make(const ReplyTo& to, const AgentDiagnostics& request, bool uploads);

  // The answers come as CommandDone: to what is on the disk and is not uploaded,
  void on_made(DiagnosticsMade made);
  // to what an upload has ended well of,
  void on_uploaded(const UploadReport& report);
  // and, with what there is, to those whose time is over. To be called every second or so.
  void expire();
  void request_stop() { jobs_.request_stop(); }

 private:
  DiagnosticsFiles collect();
  void answer(const ReplyTo& to, messages::Answer answer);

  const Config& config_;
  const Layout& layout_;
  const Volume& volume_;
  Catalog& catalog_;
  const LossLedger& losses_;
  const Cameras& cameras_;
  StatusBoard& board_;
  Monitoring& monitoring_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  std::map<std::string, DiagnosticsMade> uploading_;  // by the bundle's id
  Jobs jobs_;
};

}  // namespace vedette
