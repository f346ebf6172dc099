#pragma once

#include "agent/config.h"
#include "agent/recordings.h"
#include "agent/status_board.h"
#include "core/metric_families.h"
#include "http/server.h"
#include "mqtt/session.h"
#include "otlp/exporter.h"
#include "sources/camera.h"
#include "storage/catalog.h"
#include "storage/database.h"
#include "storage/layout.h"
#include "storage/loss_ledger.h"
#include "storage/outbox.h"
#include "uploader/upload_engine.h"

namespace vedette {

// Metrics writes down everything that is counted here. docs/operations/monitor.md explains the names, which are a
// contract: dashboards and alerts go by them. Belongs to the main loop; borrows all it reports on, which outlives it.
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
  void attach(const Exporter* exporter) { exporter_ = exporter; }

  // As it is now. Asks the catalog for sums that it keeps, so it may be asked every few seconds.
  MetricFamilies families();

 private:
  void agent(MetricFamilies& out) const;
  void process(MetricFamilies& out) const;
  void cameras(MetricFamilies& out);
  void stages(MetricFamilies& out);
  void broker(MetricFamilies& out) const;
  void uploads(MetricFamilies& out) const;
  void storage(MetricFamilies& out) const;
  void listener(MetricFamilies& out) const;
  void collector(MetricFamilies& out) const;

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
  const Exporter* exporter_ = nullptr;
};

}  // namespace vedette
