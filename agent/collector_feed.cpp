#include "agent/collector_feed.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "agent/spans.h"

namespace vedette {

namespace {

OtlpSettings settings_of(const Config& config) {
  return {config.otlp.endpoint, config.otlp.headers, config.otlp.ca_file, {VEDETTE_VERSION, config.device_id}};
}

}  // namespace

CollectorFeed::CollectorFeed(const Config& config, Monitoring& monitoring, const Clock& clock)
    : config_(config), monitoring_(monitoring), clock_(clock), started_(clock.mono()), since_(clock.utc()) {
  if (config.otlp.endpoint.empty()) return;
  // Of many devices that start at once each has its own phase, as with telemetry.
  const auto phase = static_cast<int64_t>(std::hash<std::string>()(config.device_id) % 1000);
  next_export_ = started_ + microseconds(config.otlp.interval) * phase / 1000;
  exporter_ = std::make_unique<Exporter>(settings_of(config));
  monitoring_.attach(exporter_.get());
}

void CollectorFeed::on_answer(const ReplyTo& to, const messages::Answer& answer, MonoTime end) {
  if (exporter_)
    exporter_->add(spans::of_command(config_.device_id, to, answer, clock_.to_utc(to.received), end - to.received));
}

void CollectorFeed::on_clip(const Clip& clip) {
  if (exporter_) exporter_->add(spans::of_clip(config_.device_id, clip));
}

void CollectorFeed::on_upload(const UploadReport& report) {
  if (exporter_) exporter_->add(spans::of_upload(config_.device_id, report, clock_.utc()));
}

void CollectorFeed::tick(MonoTime now) {
  if (!exporter_ || now < next_export_) return;
  next_export_ = std::max(next_export_ + config_.otlp.interval, now);
  if (config_.otlp.metrics)
    exporter_->export_now(metrics(now));
  else
    exporter_->export_now();
}

// The start of what is cumulative must stay where it is, or it looks like another start; but when the wall clock was
// set, it was set for both.
MetricSnapshot CollectorFeed::metrics(MonoTime now) {
  const UtcTime at = clock_.utc(), since = at - (now - started_);
  if (std::chrono::abs(since - since_) > kClockStep) since_ = since;
  return {monitoring_.metrics(), since_, at};
}

void CollectorFeed::request_stop() {
  if (exporter_) exporter_->request_stop();
}

}  // namespace vedette
