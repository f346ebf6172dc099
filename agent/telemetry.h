#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "agent/latency_alarm.h"
#include "agent/messages.h"
#include "agent/recordings.h"
#include "core/clock.h"
#include "core/json.h"
#include "sources/camera.h"
#include "storage/catalog.h"

namespace vedette {

// What /proc and the file system say of this process and machine. Belongs to the main loop.
class ProcessFigures {
 public:
  explicit ProcessFigures(const Clock& clock);

  // Of one core, since the last call; nothing at the first.
  std::optional<double> cpu_pct();
  static microseconds cpu_time();
  static int64_t rss_bytes();
  static int64_t heap_bytes();
  static int64_t threads();
  static int64_t fds();
  static int64_t most_fds();
  static std::optional<double> temperature_c();

 private:
  const Clock& clock_;
  std::optional<microseconds> last_cpu_;
  MonoTime last_at_;
};

// How long the stages took that are not of one camera.
struct SharedStages {
  Histogram::Figures upload;
  Histogram::Figures command;
};

struct SystemFigures {
  std::filesystem::path storage;
  UploadFigures uploads;
  int64_t upload_bps = 0;
  OutboxFigures outbox;
  std::optional<microseconds> mqtt_round_trip;
};

// What the frames of one camera went through since the last look.
class CameraStages {
 public:
  // Both outlive it.
  CameraStages(Camera& camera, const RecordingStages& recordings)
      : windows_{HistogramWindow(camera.capture_latency()), HistogramWindow(camera.ring().delivery_latency()),
                 HistogramWindow(recordings.mux), HistogramWindow(recordings.sync)} {}

  StageFigures next();

 private:
  std::array<HistogramWindow, kStages> windows_;  // by Stage
};

// Those that have figures, by their names.
void add_stages(Json& json, const StageFigures& stages);

Json system_telemetry(ProcessFigures& process, const SystemFigures& figures);
Json camera_telemetry(Camera& camera, const StageFigures& stages, const SharedStages& shared);

}  // namespace vedette
