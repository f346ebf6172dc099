#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "agent/messages.h"
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
  static int64_t rss_bytes();
  static int64_t threads();
  static int64_t fds();
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
  int64_t outbox_rows = 0;
  std::optional<microseconds> mqtt_round_trip;
};

Json system_telemetry(ProcessFigures& process, const SystemFigures& figures);
// `mux` and `sync` are of this camera's recordings.
Json camera_telemetry(Camera& camera, const Histogram::Figures& mux, const Histogram::Figures& sync,
                      const SharedStages& shared);

}  // namespace vedette
