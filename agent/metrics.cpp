#include "agent/metrics.h"

#include <map>

#include "agent/telemetry.h"
#include "core/file.h"
#include "core/log.h"

namespace vedette {

namespace {

double since_epoch_s(UtcTime t) {
  return static_cast<double>(t.time_since_epoch().count()) / 1e6;
}

int64_t size_of(const std::filesystem::path& path) {
  std::error_code none;
  const auto size = std::filesystem::file_size(path, none);
  return none ? 0 : static_cast<int64_t>(size);
}

// One of several words holds: a sample for each, 1 for that one.
template <class Word, class Name>
void one_of(MetricFamilies& out, std::initializer_list<Word> words, Word holds, Name name, std::string_view label,
            std::string_view camera_id = {}) {
  for (const Word word : words) {
    const int value = word == holds ? 1 : 0;
    if (camera_id.empty())
      out.sample(value, {{label, name(word)}});
    else
      out.sample(value, {{"camera", camera_id}, {label, name(word)}});
  }
}

}  // namespace

Metrics::Metrics(const Config& config, const Layout& layout, const Cameras& cameras, Recordings& recordings,
                 const Catalog& catalog, const Outbox& outbox, const LossLedger& losses, const StatusBoard& board,
                 const Database& database, const Clock& clock)
    : config_(config),
      layout_(layout),
      cameras_(cameras),
      recordings_(recordings),
      catalog_(catalog),
      outbox_(outbox),
      losses_(losses),
      board_(board),
      database_(database),
      clock_(clock),
      started_s_(since_epoch_s(clock.utc())) {}

MetricFamilies Metrics::families() {
  MetricFamilies out;
  agent(out);
  process(out);
  cameras(out);
  stages(out);
  broker(out);
  uploads(out);
  storage(out);
  if (http_) listener(out);
  if (exporter_) collector(out);
  return out;
}

void Metrics::agent(MetricFamilies& out) const {
  out.gauge("vedette_build_info", "What runs here; always 1.");
  out.sample(1, {{"version", VEDETTE_VERSION}, {"device_id", config_.device_id}});
  out.gauge("vedette_clock_synchronised", "Whether the wall clock is kept by NTP or the like.");
  out.sample(clock_.synchronised() ? 1 : 0);
  std::map<std::string_view, int64_t> problems;
  for (const auto& problem : board_.problems()) ++problems[problem.code];
  out.gauge("vedette_problems", "Problems that the status names, by their code; 0 in all when it is online.");
  out.sample(static_cast<int64_t>(board_.problems().size()), {{"code", "all"}});
  for (const auto& [code, count] : problems) out.sample(count, {{"code", code}});
  out.counter("vedette_log_lines_total", "Lines that were logged, by level.");
  for (const log::Level level : {log::Level::debug, log::Level::info, log::Level::warn, log::Level::error})
    out.sample(log::lines_total(level), {{"level", log::level_name(level)}});
  out.counter("vedette_commands_total", "Commands that were answered, by the status of the final reply.");
  for (const auto& [status, count] : board_.answers()) out.sample(count, {{"status", status}});
}

void Metrics::process(MetricFamilies& out) const {
  out.counter("process_cpu_seconds_total", "Processor time, user and system.");
  out.sample(ProcessFigures::cpu_time());
  out.gauge("process_resident_memory_bytes", "Resident memory.");
  out.sample(ProcessFigures::rss_bytes());
  out.gauge("process_heap_bytes", "Memory that is allocated, of the heap and by mapping.");
  out.sample(ProcessFigures::heap_bytes());
  out.gauge("process_threads", "Threads.");
  out.sample(ProcessFigures::threads());
  out.gauge("process_open_fds", "Open file descriptors.");
  out.sample(ProcessFigures::fds());
  out.gauge("process_max_fds", "File descriptors that may be open.");
  out.sample(ProcessFigures::most_fds());
  out.gauge("process_start_time_seconds", "When the agent started, since 1970.");
  out.sample(started_s_);
  if (const auto temperature = ProcessFigures::temperature_c()) {
    out.gauge("vedette_temperature_celsius", "Of the machine.");
    out.sample(*temperature);
  }
}

void Metrics::cameras(MetricFamilies& out) {
  using enum CameraState;
  std::vector<std::pair<std::string_view, CameraFigures>> all;
  for (const auto& [id, camera] : cameras_) all.emplace_back(id, camera->figures());
  out.gauge("vedette_camera_state", "1 for the state that a camera is in, 0 for the others.");
  for (const auto& [id, camera] : cameras_)
    one_of(out, {disabled, connecting, streaming, stalled, auth_failed, busy, unreachable, error},
           camera->status().state, state_name, "state", id);
  const auto of_each = [&](auto value) {
    for (const auto& [id, figures] : all) out.sample(value(figures), {{"camera", id}});
  };
  out.gauge("vedette_camera_recording", "Recordings of a camera that run.");
  for (const auto& [id, camera] : cameras_)
    out.sample(static_cast<int64_t>(recordings_.of_camera(id).size()), {{"camera", id}});
  out.counter("vedette_camera_frames_total", "Video frames that came.");
  of_each([](const CameraFigures& f) { return f.frames_total; });
  out.counter("vedette_camera_received_bytes_total", "Video and audio that came.");
  of_each([](const CameraFigures& f) { return f.bytes_total; });
  out.counter("vedette_camera_dropped_frames_total",
              "Video frames that cannot be decoded: damaged on the way, or the first ones of a session.");
  of_each([](const CameraFigures& f) { return f.dropped_frames_total; });
  out.counter("vedette_camera_reconnects_total", "Sessions after the first.");
  of_each([](const CameraFigures& f) { return f.reconnects_total; });
  out.gauge("vedette_camera_frames_per_second", "Over the last 5 s.");
  of_each([](const CameraFigures& f) { return f.fps; });
  out.gauge("vedette_camera_bytes_per_second", "Over the last 5 s.");
  of_each([](const CameraFigures& f) { return f.bitrate_bps / 8; });
  out.gauge("vedette_camera_gop_seconds", "Between the two newest keyframes.");
  of_each([](const CameraFigures& f) { return f.ring.gop; });
  out.gauge("vedette_camera_ring_seconds", "How far back pre-roll can reach.");
  of_each([](const CameraFigures& f) { return f.ring.duration; });
  out.gauge("vedette_camera_ring_bytes", "What that takes in memory.");
  of_each([](const CameraFigures& f) { return f.ring.bytes; });
  out.gauge("vedette_camera_coverage_ratio", "In how many of the seconds of the last hour video came.");
  for (const auto& [id, figures] : all)
    if (figures.coverage_pct) out.sample(*figures.coverage_pct / 100, {{"camera", id}});
}

void Metrics::stages(MetricFamilies& out) {
  out.histogram("vedette_stage_duration_seconds",
                "How long frames take: capture, ring, mux, sync (docs/integration/mqtt.md, telemetry).");
  for (const auto& [id, camera] : cameras_) {
    const RecordingStages& recording = recordings_.stages(id);
    const Histogram* const histograms[] = {&camera->capture_latency(), &camera->ring().delivery_latency(),
                                           &recording.mux, &recording.sync};
    for (size_t i = 0; i < kStages; ++i)
      out.sample(histograms[i]->totals(), {{"camera", id}, {"stage", stage_name(static_cast<Stage>(i))}});
  }
  out.histogram("vedette_command_duration_seconds", "From the arrival of a command to its final reply.");
  out.sample(board_.command_time().totals());
  if (!uploads_) return;
  out.histogram("vedette_upload_duration_seconds", "From the end of a clip to the proof that the store has it.");
  out.sample(uploads_->upload_time().totals());
}

void Metrics::broker(MetricFamilies& out) const {
  out.gauge("vedette_mqtt_connected", "Whether the broker is there.");
  out.sample(session_ && session_->connected() ? 1 : 0);
  if (const auto round_trip = session_ ? session_->round_trip() : std::nullopt) {
    out.gauge("vedette_mqtt_round_trip_seconds", "From PUBLISH to PUBACK, smoothed.");
    out.sample(*round_trip);
  }
  const auto outbox = outbox_.figures(clock_.utc());
  if (!outbox) return;
  out.gauge("vedette_outbox_events", "Events that the broker has not acknowledged yet.");
  out.sample(outbox->rows);
  out.gauge("vedette_outbox_refused_events", "Events that the broker refuses, which are kept beside these.");
  out.sample(outbox->refused);
  out.gauge("vedette_outbox_bytes", "Of both.");
  out.sample(outbox->bytes);
  out.gauge("vedette_outbox_oldest_seconds", "For how long the oldest of them waits.");
  out.sample(outbox->oldest_s);
  out.counter("vedette_outbox_dropped_total", "Events that went because they were too many or too old, by class.");
  out.sample(outbox->dropped_records, {{"class", class_name(EventClass::record)}});
  out.sample(outbox->dropped_notices, {{"class", class_name(EventClass::notice)}});
  out.counter("vedette_telemetry_replaced_total", "Telemetry that waited for the broker until there was newer.");
  out.sample(board_.telemetry_replaced());
}

void Metrics::uploads(MetricFamilies& out) const {
  if (const auto queue = catalog_.upload_figures(clock_.utc())) {
    const auto of = [&](Priority priority) {
      const auto it = queue->by_priority.find(priority);
      return it == queue->by_priority.end() ? UploadSum{} : it->second;
    };
    const auto of_each = [&](auto value) {
      for (const Priority priority : {Priority::high, Priority::normal, Priority::low})
        out.sample(value(of(priority)), {{"priority", to_string(priority)}});
    };
    out.gauge("vedette_upload_queue_objects", "Objects that wait for their upload or are under way.");
    of_each([](const UploadSum& sum) { return sum.rows; });
    out.gauge("vedette_upload_queue_bytes", "Their bytes.");
    of_each([](const UploadSum& sum) { return sum.bytes; });
    out.gauge("vedette_upload_queue_oldest_seconds", "For how long the oldest of them waits.");
    of_each([](const UploadSum& sum) { return sum.oldest_s; });
  }
  if (!uploads_) return;
  const UploadActivity activity = uploads_->activity();
  out.counter("vedette_uploaded_bytes_total", "Bytes that the store proved to have.");
  out.sample(uploads_->uploaded_bytes_total());
  out.gauge("vedette_upload_bytes_per_second", "Over the last 10 s.");
  out.sample(activity.bits_per_s / 8);
  out.gauge("vedette_upload_under_way", "Objects that are being sent.");
  out.sample(static_cast<int64_t>(activity.under_way.size()));
  out.gauge("vedette_upload_target_down",
            "Whether the target failed so often that only now and then one upload is tried.");
  out.sample(activity.breaker == BreakerState::closed ? 0 : 1);
  const TargetEndpoints endpoints = uploads_->target().endpoints();
  out.gauge("vedette_upload_on_fallback", "Whether uploads go by a fallback endpoint, as the first cannot be used.");
  out.sample(endpoints.is_fallback() ? 1 : 0);
  if (endpoints.urls.empty()) return;
  out.gauge("vedette_upload_endpoint", "1 for the endpoint by which uploads go, 0 for the others.");
  for (size_t i = 0; i < endpoints.urls.size(); ++i)
    out.sample(i == endpoints.current ? 1 : 0, {{"endpoint", endpoints.urls[i]}});
}

void Metrics::storage(MetricFamilies& out) const {
  if (const auto space = file::space(config_.storage.path)) {
    out.gauge("vedette_storage_free_bytes", "Free on the disk of the clips.");
    out.sample(space->free_bytes);
    out.gauge("vedette_storage_size_bytes", "Of that disk.");
    out.sample(space->total_bytes);
  }
  out.gauge("vedette_storage_level", "1 for how much room is left by storage.min_free_bytes, 0 for the other words.");
  one_of(
      out, {SpaceLevel::ok, SpaceLevel::low, SpaceLevel::full}, board_.space_level(),
      [](SpaceLevel level) { return to_string(level); }, "level");
  out.gauge("vedette_storage_writable", "Whether the folder of the clips is there and the catalog can be written.");
  out.sample(board_.storage_fault() ? 0 : 1);
  if (const auto usage = catalog_.usage()) {
    out.gauge("vedette_clips", "Clips on the disk.");
    for (const auto& camera : *usage) out.sample(camera.all().clips, {{"camera", camera.camera_id}});
    out.gauge("vedette_clips_bytes", "What they take.");
    for (const auto& camera : *usage) out.sample(camera.all().bytes, {{"camera", camera.camera_id}});
    out.gauge("vedette_clips_oldest_timestamp_seconds", "When the oldest one of a camera begins, since 1970.");
    for (const auto& camera : *usage)
      if (camera.oldest) out.sample(since_epoch_s(*camera.oldest), {{"camera", camera.camera_id}});
  }
  if (const auto losses = losses_.count()) {
    out.gauge("vedette_losses", "Rows of the loss ledger.");
    out.sample(*losses);
  }
  out.counter("vedette_catalog_rows_changed_total", "Rows that were inserted, changed or deleted.");
  out.sample(database_.rows_changed());
  out.histogram("vedette_catalog_write_duration_seconds", "Transactions that change it, fsync included.");
  out.sample(database_.write_time().totals());
  out.gauge("vedette_catalog_bytes", "The catalog's file.");
  out.sample(size_of(layout_.database()));
  out.gauge("vedette_catalog_log_bytes", "Its write-ahead log.");
  out.sample(size_of(layout_.database().string() + "-wal"));
}

void Metrics::listener(MetricFamilies& out) const {
  const HttpServerFigures figures = http_->figures();
  out.gauge("vedette_http_connections", "Connections to the listener of these figures.");
  out.sample(figures.connections);
  out.counter("vedette_http_connections_refused_total", "Connections beyond what may be.");
  out.sample(figures.refused_total);
  out.counter("vedette_http_answers_total", "Its answers, by the first digit of the status.");
  for (const auto& [status, count] : figures.answers)
    out.sample(count, {{"status", std::to_string(status / 100) + "xx"}});
}

void Metrics::collector(MetricFamilies& out) const {
  const OtlpFigures figures = exporter_->figures();
  out.gauge("vedette_otlp_spans_waiting", "Spans that the OpenTelemetry collector has not got yet.");
  out.sample(figures.waiting);
  out.counter("vedette_otlp_spans_total", "Spans by what became of them: sent, refused by the collector, dropped.");
  out.sample(figures.sent, {{"outcome", "sent"}});
  out.sample(figures.refused, {{"outcome", "refused"}});
  out.sample(figures.dropped, {{"outcome", "dropped"}});
  out.counter("vedette_otlp_failures_total", "Requests to the collector that came to nothing.");
  out.sample(figures.failures);
}

}  // namespace vedette
