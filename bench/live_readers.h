#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/histogram.h"
#include "core/thread.h"
#include "sources/camera.h"

namespace vedette::bench {

// LiveReaders is the agent's capture in small: one camera and one waiting reader per URL, each with the ring of the
// product. `latency` gets, per packet, the time from its arrival in the demuxer to the return of the reader's cursor.
class LiveReaders {
 public:
  // The first seconds are not measured: packets of a beginning session are held back to place them in time.
  static constexpr seconds kSettle{3};

  explicit LiveReaders(const std::vector<std::string>& urls) {
    for (size_t i = 0; i < urls.size(); ++i) {
      CameraConfig config;
      config.source.camera_id = "cam" + std::to_string(i + 1);
      config.source.url = urls[i];
      config.source.username = "admin";
      config.source.password = "secret123";
      cameras_.push_back(std::make_unique<Camera>(config, [](const std::string&, const CameraStatus&) {}));
    }
    for (auto& camera : cameras_)
      readers_.push_back(
          start_thread("reader", [this, &camera](const std::stop_token& stop) { read(*camera, latency_, stop); }));
    wait_for(kSettle, {});
    is_measuring_ = true;
  }
  ~LiveReaders() {
    for (auto& reader : readers_) reader.request_stop();
    for (auto& camera : cameras_) camera->request_stop();
  }
  LiveReaders(const LiveReaders&) = delete;
  LiveReaders& operator=(const LiveReaders&) = delete;

  const Histogram& latency() const { return latency_; }

 private:
  void read(Camera& camera, Histogram& latency, const std::stop_token& stop) const {
    const Clock& clock = Clock::system();
    Cursor cursor = camera.ring().cursor_live();
    std::vector<Packet> batch;
    while (!stop.stop_requested()) {
      batch.clear();
      if (cursor.read(batch, 1, clock.mono() + 1s, stop) == 0) continue;
      const MonoTime now = clock.mono();
      if (is_measuring_) latency.add(now - batch.front().arrival);
    }
  }

  Histogram latency_;
  std::atomic<bool> is_measuring_ = false;
  std::vector<std::unique_ptr<Camera>> cameras_;
  std::vector<std::jthread> readers_;
};

}  // namespace vedette::bench
