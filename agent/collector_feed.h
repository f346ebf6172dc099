#pragma once

#include <memory>

#include "agent/command.h"
#include "agent/config.h"
#include "agent/messages.h"
#include "agent/monitoring.h"
#include "core/clock.h"
#include "otlp/exporter.h"
#include "storage/clip.h"
#include "uploader/upload_engine.h"

namespace vedette {

// CollectorFeed gives the OpenTelemetry collector, where the configuration names one, what was done and what is
// counted. Belongs to the main loop, which it never holds up; borrows all it reports on, which outlives it.
class CollectorFeed {
 public:
  CollectorFeed(const Config& config, Monitoring& monitoring, const Clock& clock);

  void on_answer(const ReplyTo& to, const messages::Answer& answer, MonoTime end);
  void on_clip(const Clip& clip);
  void on_upload(const UploadReport& report);
  // Every second.
  void tick(MonoTime now);
  // What is left of spans goes, as far as it is taken at once; nothing that comes later does.
  void request_stop();

 private:
  MetricSnapshot metrics(MonoTime now);

  const Config& config_;
  Monitoring& monitoring_;
  const Clock& clock_;
  const MonoTime started_;
  UtcTime since_;  // the same instant
  MonoTime next_export_;
  std::unique_ptr<Exporter> exporter_;  // null: there is no collector
};

}  // namespace vedette
