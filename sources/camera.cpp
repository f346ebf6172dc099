#include "sources/camera.h"

#include <algorithm>

#include "core/log.h"
#include "core/thread.h"
#include "sources/coverage_meter.h"
#include "sources/rate_meter.h"
#include "sources/retry_pauses.h"
#include "sources/return_watch.h"

namespace vedette {

namespace {

CameraState state_for(const Error& error, bool was_streaming) {
  switch (error.code) {
    case Code::forbidden:
      return CameraState::auth_failed;
    case Code::busy:
    case Code::rate_limited:
      return CameraState::busy;
    case Code::timed_out:
      return was_streaming ? CameraState::stalled : CameraState::unreachable;
    case Code::camera_unavailable:
    case Code::not_found:
      return CameraState::unreachable;
    default:
      return CameraState::error;
  }
}

}  // namespace

std::string_view state_name(CameraState state) {
  switch (state) {
    case CameraState::disabled:
      return "disabled";
    case CameraState::connecting:
      return "connecting";
    case CameraState::streaming:
      return "streaming";
    case CameraState::stalled:
      return "stalled";
    case CameraState::auth_failed:
      return "auth_failed";
    case CameraState::busy:
      return "busy";
    case CameraState::unreachable:
      return "unreachable";
    case CameraState::error:
      return "error";
  }
  return "error";
}

struct Camera::Impl {
  Impl(CameraConfig c, OnChange change, const Clock& k)
      : id(c.source.camera_id),
        enabled(c.enabled),
        config(std::move(c)),
        on_change(std::move(change)),
        clock(k),
        return_watch(config.source.url),
        ring(config.ring),
        coverage(clock.mono()) {
    status.since = clock.utc();
    session_began = clock.mono();
  }

  void run(const std::stop_token& stop);
  std::optional<std::stop_token> begin_session();
  void start();
  void stop_session();
  Status session(const std::stop_token& stop);
  void pause(RetryPauses& pauses, Code after, const std::stop_token& stop) const;
  void take(Packet packet);
  void change(CameraState state, std::string error);

  const std::string id;
  std::atomic<bool> enabled;
  // The capture thread's, while it runs.
  CameraConfig config;
  const OnChange on_change;
  const Clock& clock;
  ReturnWatch return_watch;
  Ring ring;
  RateMeter rates;
  CoverageMeter coverage;
  Histogram capture_latency;
  std::atomic<uint64_t> frames{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> dropped{0};
  std::atomic<uint64_t> reconnects{0};
  std::atomic<int64_t> last_frame_utc_us{0};  // 0: none yet

  // Capture thread only.
  std::unique_ptr<Source> source;
  bool streaming = false;                                     // a keyframe has come in this session
  StreamInfoPtr info;                                         // of the newest packet
  MonoTime last_dts[2] = {MonoTime::min(), MonoTime::min()};  // by track, over all sessions

  std::mutex mutex;
  CameraStatus status;
  std::stop_source session_stop;  // of the session at hand, and of the pause after it
  MonoTime session_began;
  std::optional<CameraConfig> next;  // from the next session on
  bool running = false;              // there is a thread that will look at `next`

  std::jthread thread;
};

void Camera::Impl::change(CameraState state, std::string error) {
  CameraStatus copy;
  {
    const std::lock_guard lock(mutex);
    if (status.state == state && status.error == error) return;
    if (status.state != state) status.since = clock.utc();
    status.state = state;
    status.error = std::move(error);
    copy = status;
  }
  on_change(id, copy);
}

void Camera::Impl::take(Packet packet) {
  dropped.fetch_add(packet.lost_before, std::memory_order_relaxed);
  if (!streaming && !packet.video_keyframe()) {  // nothing can be decoded before the first keyframe
    dropped.fetch_add(packet.video() ? 1 : 0, std::memory_order_relaxed);
    return;
  }
  const MonoTime arrival = packet.arrival;
  const bool video = packet.video();
  // A server may begin with what it has at hand, and that may reach back before where the last session ended.
  MonoTime& last = last_dts[video ? 0 : 1];
  if (packet.dts <= last) packet.dts = last + 1us;
  last = packet.dts;
  packet.pts = std::max(packet.pts, packet.dts);
  const size_t size = packet.payload().size();
  if (video) last_frame_utc_us.store(packet.arrival_utc.time_since_epoch().count(), std::memory_order_relaxed);
  if (packet.info != info) {
    info = packet.info;
    const std::lock_guard lock(mutex);
    status.info = info;
  }
  ring.push(std::move(packet));
  capture_latency.add(clock.mono() - arrival);
  rates.add(arrival, video, size);
  if (video) coverage.add(arrival);
  frames.fetch_add(video ? 1 : 0, std::memory_order_relaxed);
  bytes.fetch_add(size, std::memory_order_relaxed);
  if (streaming) return;
  streaming = true;
  change(CameraState::streaming, {});
}

Status Camera::Impl::session(const std::stop_token& stop) {
  if (!source) {
    SourceConfig with_ring = config.source;
    with_ring.awaited = [this] { return ring.awaited(); };
    auto made = make_source(with_ring, clock);
    if (!made) return made.error_as_is();
    source = std::move(*made);
  }
  streaming = false;
  return source->run([this](Packet packet) { take(std::move(packet)); }, stop);
}

// Nothing when the camera is off: then the thread ends.
std::optional<std::stop_token> Camera::Impl::begin_session() {
  std::unique_ptr<Source> old;  // goes without the lock
  const std::lock_guard lock(mutex);
  if (next) {
    old = std::move(source);
    config = std::move(*next);
    next.reset();
    return_watch = ReturnWatch(config.source.url);
  }
  running = config.enabled;
  if (!running) return std::nullopt;
  session_stop = std::stop_source();
  session_began = clock.mono();
  return session_stop.get_token();
}

void Camera::Impl::stop_session() {
  std::stop_source session;
  {
    const std::lock_guard lock(mutex);
    session = session_stop;
  }
  session.request_stop();  // calls whatever waits
}

// Only of a camera that was not reached is it of interest whether it is back.
void Camera::Impl::pause(RetryPauses& pauses, Code after, const std::stop_token& stop) const {
  const milliseconds pause = pauses.next(RetryPauses::after(after));
  if (after != Code::camera_unavailable && after != Code::timed_out) {
    wait_for(pause, stop);
  } else if (return_watch.wait(pause, stop)) {
    pauses.reset();  // it may take connections before it has a picture to send
  }
}

void Camera::Impl::run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { stop_session(); });
  RetryPauses pauses;
  change(CameraState::connecting, {});
  while (!stop.stop_requested()) {
    const auto begun = begin_session();
    if (!begun) {
      change(CameraState::disabled, {});
      return;
    }
    const std::stop_token session_stopped = *begun;
    if (stop.stop_requested()) break;  // it may have come before there was this session
    auto ended = session(session_stopped);
    if (stop.stop_requested()) break;
    if (!session_stopped.stop_requested()) {
      const Error error = ended ? Error{Code::camera_unavailable, "the stream ended"} : ended.error();
      const CameraState state = state_for(error, streaming);
      if (streaming) pauses.reset();
      log::warn("camera is not streaming", {{"camera", id}, {"state", state_name(state)}, {"reason", error.message}});
      change(state, error.message);
      pause(pauses, error.code, session_stopped);
      if (stop.stop_requested()) break;
    }
    if (session_stopped.stop_requested() && enabled) {  // by restart() or reconfigure()
      log::info("camera is connected anew", {{"camera", id}});
      pauses.reset();
      change(CameraState::connecting, {});
    }
    reconnects.fetch_add(1, std::memory_order_relaxed);
  }
}

Camera::Camera(CameraConfig config, OnChange on_change, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(on_change), clock)) {
  if (!impl_->enabled) return;
  impl_->running = true;
  impl_->start();
}

void Camera::Impl::start() {
  if (thread.joinable()) thread.join();  // of a time before, which is over
  thread = start_thread("cap-" + id, [this](const std::stop_token& stop) { run(stop); });
}

void Camera::reconfigure(CameraConfig config, bool connect_anew) {
  impl_->ring.set_limits(config.ring);
  if (!connect_anew) return;
  impl_->enabled = config.enabled;
  bool starts = false;
  {
    const std::lock_guard lock(impl_->mutex);
    starts = !impl_->running && config.enabled;
    if (impl_->running || starts) impl_->next = std::move(config);
    impl_->running = impl_->running || starts;
  }
  if (starts)
    impl_->start();
  else
    impl_->stop_session();
}

Camera::~Camera() = default;

void Camera::request_stop() {
  impl_->thread.request_stop();
}
Status Camera::restart() {
  if (!impl_->enabled) return fail(Code::camera_unavailable, "the camera is disabled in the configuration");
  microseconds since{};
  {
    const std::lock_guard lock(impl_->mutex);
    since = impl_->clock.mono() - impl_->session_began;
  }
  if (since < kRestartPause)
    return fail(Code::busy, "it began to connect " + std::to_string(to_ms(since)) + " ms ago; restart it " +
                                std::to_string(kRestartPause.count()) + " s after that at the earliest");
  impl_->stop_session();
  return {};
}

const std::string& Camera::id() const {
  return impl_->id;
}
Ring& Camera::ring() {
  return impl_->ring;
}
Histogram& Camera::capture_latency() {
  return impl_->capture_latency;
}

CameraStatus Camera::status() const {
  const std::lock_guard lock(impl_->mutex);
  CameraStatus status = impl_->status;
  if (const int64_t us = impl_->last_frame_utc_us.load(std::memory_order_relaxed))
    status.last_frame_at = UtcTime(microseconds(us));
  return status;
}

CameraFigures Camera::figures() const {
  CameraFigures figures;
  figures.frames_total = impl_->frames.load(std::memory_order_relaxed);
  figures.bytes_total = impl_->bytes.load(std::memory_order_relaxed);
  figures.dropped_frames_total = impl_->dropped.load(std::memory_order_relaxed);
  figures.reconnects_total = impl_->reconnects.load(std::memory_order_relaxed);
  const auto rates = impl_->rates.rates(impl_->clock.mono());
  figures.fps = rates.fps;
  figures.bitrate_bps = rates.bitrate_bps;
  if (impl_->enabled) figures.coverage_pct = impl_->coverage.pct(impl_->clock.mono());
  figures.ring = impl_->ring.figures();
  return figures;
}

}  // namespace vedette
