#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/clock.h"
#include "core/histogram.h"
#include "media/ring.h"
#include "sources/source.h"

namespace vedette {

enum class CameraState { disabled, connecting, streaming, stalled, auth_failed, busy, unreachable, error };
std::string_view state_name(CameraState state);

struct CameraConfig {
  SourceConfig source;
  RingLimits ring;
  bool enabled = true;
};

struct CameraStatus {
  CameraState state = CameraState::disabled;
  UtcTime since;
  std::string error;   // why it is not streaming; empty when it is
  StreamInfoPtr info;  // of the last session that got so far
  std::optional<UtcTime> last_frame_at;
};

// Running totals and measured rates of one camera.
struct CameraFigures {
  uint64_t frames_total = 0;  // video
  uint64_t bytes_total = 0;   // video and audio payload
  // Could not be decoded: came before the first keyframe of a session, or were damaged on the way or need one that was.
  uint64_t dropped_frames_total = 0;
  uint64_t reconnects_total = 0;
  double fps = 0;  // over the last 5 s or so
  int64_t bitrate_bps = 0;
  std::optional<double> coverage_pct;  // of the last hour; nothing for a camera that is off
  RingFigures ring;
};

// Camera owns one camera's ring, its capture thread and the retrying: it runs the source again and again, with a
// jittered pause that doubles from 1 s to 30 s (60 s and more after auth_failed, so that no account is locked, and when
// it stays busy), and starts over at 1 s once a keyframe has come. A camera that was not to be reached is called as
// soon as it takes connections again (return_watch.h).
//
// `on_change` is called from the capture thread at every change of state and must only pass it on. All methods are
// thread-safe.
class Camera {
 public:
  using OnChange = std::function<void(const std::string& camera_id, const CameraStatus& status)>;

  Camera(CameraConfig config, OnChange on_change, const Clock& clock = Clock::system());
  ~Camera();

  void request_stop();
  // Ends the session, or the pause before the next one, and connects anew. busy less than kRestartPause after it last
  // began to connect, so that no camera is hammered and no account is locked; camera_unavailable when it is disabled.
  Status restart();
  // Goes on as this says, under the id that it has: the ring stays, and what reads it. What is said of the source, and
  // of being enabled, begins with a new session; the rest is there at once. Never waits.
  void reconfigure(CameraConfig config, bool connect_anew);
  static constexpr seconds kRestartPause{5};

  const std::string& id() const;
  Ring& ring();
  CameraStatus status() const;
  CameraFigures figures() const;
  // From a packet's capture time to its place in the ring.
  Histogram& capture_latency();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// All of a process, by their ids.
using Cameras = std::map<std::string, std::unique_ptr<Camera>>;

}  // namespace vedette
