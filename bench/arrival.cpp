// How soon a local reader that waits has a frame: from its arrival in the demuxer to the return of the reader's cursor,
// at real RTSP cameras. Aim: p50 <= 50 us, p99 <= 1 ms.
//
// usage: bench_arrival SECONDS URL...     (one reader per URL; scripts/bench gives it simulated cameras)
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/histogram.h"
#include "core/thread.h"
#include "sources/camera.h"

namespace {

using namespace vedette;

// The first seconds are not measured: packets of a beginning session are held back to place them in time.
constexpr seconds kSettle{3};

void read_live(Camera& camera, Histogram& latency, const std::stop_token& stop) {
  const Clock& clock = Clock::system();
  Cursor cursor = camera.ring().cursor_live();
  const MonoTime from = clock.mono() + kSettle;
  std::vector<Packet> batch;
  while (!stop.stop_requested()) {
    batch.clear();
    if (cursor.read(batch, 1, clock.mono() + 1s, stop) == 0) continue;
    const MonoTime now = clock.mono();
    if (now >= from) latency.add(now - batch.front().arrival);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: bench_arrival SECONDS URL...\n");
    return 2;
  }
  std::vector<std::unique_ptr<Camera>> cameras;
  Histogram latency;
  for (int i = 2; i < argc; ++i) {
    CameraConfig config;
    config.source.camera_id = "cam" + std::to_string(i - 1);
    config.source.url = argv[i];
    config.source.username = "admin";
    config.source.password = "secret123";
    cameras.push_back(std::make_unique<Camera>(config, [](const std::string&, const CameraStatus&) {}));
  }
  {
    std::vector<std::jthread> readers;
    for (auto& camera : cameras)
      readers.push_back(
          start_thread("reader", [&](const std::stop_token& stop) { read_live(*camera, latency, stop); }));
    wait_for(kSettle + seconds(std::atoi(argv[1])), {});
    for (auto& reader : readers) reader.request_stop();
  }
  for (auto& camera : cameras) camera->request_stop();
  const auto figures = HistogramWindow(latency).next();
  std::printf("%d cameras, %llu frames: arrival to waiting cursor p50 %lld us, p99 %lld us, max %lld us\n", argc - 2,
              static_cast<unsigned long long>(figures.count), static_cast<long long>(figures.p50.count()),
              static_cast<long long>(figures.p99.count()), static_cast<long long>(figures.max.count()));
  return figures.count > 0 ? 0 : 1;
}
