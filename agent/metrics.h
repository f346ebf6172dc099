#pragma once

#include <string>

#include "agent/config.h"
#include "agent/prometheus_text.h"
#include "agent/recordings.h"
#include "agent/status_board.h"
#include "http/server.h"
#include "mqtt/session.h"
#include "sources/camera.h"
#include "storage/catalog.h"
#include "storage/database.h"
#include "storage/layout.h"
#include "storage/loss_ledger.h"
#include "storage/outbox.h"
#include "uploader/upload_engine.h"

namespace vedette {

// Metrics writes down everything that is counted here, for Prometheus. docs/operations/monitor.md explains the names,
// which are a contract: dashboards and alerts go by them. Belongs to the main loop; borrows all it reports on, which
// outlives it.
class Metrics {
 public:
  Metrics(const Config& config, const Layout& layout, const Cameras& cameras, Recordings& recordings,
          const Catalog& catalog, const Outbox& outbox, const LossLedger& losses, const StatusBoard& board,
          const Database& database, const Clock& clock);

  // Null: there is none.
  void attach(const mqtt::Session* session, UploadEngine* uploads) {
    session_ = session;
    uploads_ = uploads;
  }
  void attach(const HttpServer* http) { http_ = http; }

  // As it is now. Asks the catalog for sums that it keeps, so it may be asked every few seconds.
  std::string text();

 private:
  void agent(PrometheusText& out) const;
  void process(PrometheusText& out) const;
  void cameras(PrometheusText& out);
  void stages(PrometheusText& out);
  void broker(PrometheusText& out) const;
  void uploads(PrometheusText& out) const;
  void storage(PrometheusText& out) const;
  void listener(PrometheusText& out) const;

  const Config& config_;
  const Layout& layout_;
  const Cameras& cameras_;
  Recordings& recordings_;
  const Catalog& catalog_;
  const Outbox& outbox_;
  const LossLedger& losses_;
  const StatusBoard& board_;
  const Database& database_;
  const Clock& clock_;
  const double started_s_;  // since 1970
  const mqtt::Session* session_ = nullptr;
  UploadEngine* uploads_ = nullptr;
  const HttpServer* http_ = nullptr;
};

}  // namespace vedette
