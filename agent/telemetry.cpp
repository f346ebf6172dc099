#include "agent/telemetry.h"

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/file.h"

namespace vedette {

namespace {

int64_t count_entries(const char* directory) {
  DIR* dir = opendir(directory);
  if (!dir) return 0;
  int64_t count = 0;
  while (const dirent* entry = readdir(dir))  // NOLINT(concurrency-mt-unsafe): a DIR of our own
    if (entry->d_name[0] != '.') ++count;
  closedir(dir);
  return count;
}

void add_stage(Json& json, std::string_view name, const Histogram::Figures& figures) {
  if (figures.count > 0) json[std::string(name)] = messages::figures(figures);
}

double two_decimals(double value) {
  return std::round(value * 100) / 100;
}

}  // namespace

ProcessFigures::ProcessFigures(const Clock& clock) : clock_(clock), last_at_(clock.mono()) {}

microseconds ProcessFigures::cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) { return seconds(t.tv_sec) + microseconds(t.tv_usec); };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

std::optional<double> ProcessFigures::cpu_pct() {
  const microseconds cpu = cpu_time();
  const MonoTime now = clock_.mono();
  std::optional<double> pct;
  if (last_cpu_ && now > last_at_)
    pct = two_decimals(100.0 * static_cast<double>((cpu - *last_cpu_).count()) /
                       static_cast<double>((now - last_at_).count()));
  last_cpu_ = cpu;
  last_at_ = now;
  return pct;
}

int64_t ProcessFigures::rss_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGE_SIZE);
}

int64_t ProcessFigures::heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

int64_t ProcessFigures::most_fds() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int64_t>(limit.rlim_cur);
}

int64_t ProcessFigures::threads() {
  return count_entries("/proc/self/task");
}
int64_t ProcessFigures::fds() {
  return count_entries("/proc/self/fd");
}

std::optional<double> ProcessFigures::temperature_c() {
  std::ifstream zone("/sys/class/thermal/thermal_zone0/temp");
  double millidegrees = 0;
  if (!(zone >> millidegrees)) return std::nullopt;
  return millidegrees / 1000;
}

StageFigures CameraStages::next() {
  StageFigures figures;
  for (size_t i = 0; i < kStages; ++i) figures[i] = windows_[i].next();
  return figures;
}

void add_stages(Json& json, const StageFigures& stages) {
  for (size_t i = 0; i < kStages; ++i) add_stage(json, stage_name(static_cast<Stage>(i)), stages[i]);
}

Json system_telemetry(ProcessFigures& process, const SystemFigures& figures) {
  Json json;
  if (const auto cpu = process.cpu_pct()) json["cpu_pct"] = *cpu;
  json["rss_bytes"] = ProcessFigures::rss_bytes();
  if (const auto space = file::space(figures.storage)) {
    json["disk_used_bytes"] = space->total_bytes - space->free_bytes;
    json["disk_free_bytes"] = space->free_bytes;
  }
  json["upload_queue_rows"] = figures.uploads.rows;
  json["upload_queue_bytes"] = figures.uploads.bytes;
  json["upload_bps"] = figures.upload_bps;
  json["outbox_rows"] = figures.outbox.rows;
  json["outbox_bytes"] = figures.outbox.bytes;
  if (figures.mqtt_round_trip)
    json["mqtt_rtt_ms"] = two_decimals(static_cast<double>(figures.mqtt_round_trip->count()) / 1000);
  if (const auto temperature = ProcessFigures::temperature_c()) json["temperature_c"] = *temperature;
  json["threads"] = ProcessFigures::threads();
  json["fds"] = ProcessFigures::fds();
  return json;
}

Json camera_telemetry(Camera& camera, const StageFigures& stages, const SharedStages& shared) {
  const CameraFigures figures = camera.figures();
  Json json;
  json["camera_id"] = camera.id();
  json["fps"] = two_decimals(figures.fps);
  json["bitrate_bps"] = figures.bitrate_bps;
  json["frames_total"] = figures.frames_total;
  json["dropped_frames_total"] = figures.dropped_frames_total;
  json["reconnects_total"] = figures.reconnects_total;
  if (figures.ring.gop > 0us) json["gop_ms"] = to_ms(figures.ring.gop);
  json["ring_ms"] = to_ms(figures.ring.duration);
  json["ring_bytes"] = figures.ring.bytes;
  if (figures.coverage_pct) json["coverage_pct"] = two_decimals(*figures.coverage_pct);
  add_stages(json, stages);
  add_stage(json, "upload", shared.upload);
  add_stage(json, "command", shared.command);
  return json;
}

}  // namespace vedette
