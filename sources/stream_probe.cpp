#include "sources/stream_probe.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "core/thread.h"

namespace vedette {

namespace {

// Of a ring: enough for two GOPs of almost any camera.
constexpr microseconds kLookedAt = 60s;
constexpr size_t kBatch = 256;

}  // namespace

Result<ProbedStream> probe_stream(SourceConfig config, microseconds timeout, const Clock& clock,
                                  const std::stop_token& stop) {
  config.connect_timeout = config.stall_timeout = timeout;
  auto source = make_source(config, clock);
  if (!source) return source.error_as_is();

  std::mutex mutex;
  std::condition_variable_any changed;
  StreamGauge gauge;
  std::optional<Status> ended;
  const MonoTime began = clock.mono();
  std::jthread thread = start_thread("probe-source", [&](const std::stop_token& session_stop) {
    const auto push = [&](const Packet& packet) {
      const std::lock_guard lock(mutex);
      gauge.add(packet, clock);
      if (gauge.enough()) changed.notify_all();
    };
    Status status = (*source)->run(push, session_stop);
    const std::lock_guard lock(mutex);
    ended = std::move(status);
    changed.notify_all();
  });
  Status outcome;
  {
    std::unique_lock lock(mutex);
    changed.wait_until(lock, stop, Clock::system().mono() + timeout, [&] { return ended || gauge.enough(); });
    if (ended && !gauge.enough()) outcome = *ended ? fail(Code::camera_unavailable, "the stream ended") : *ended;
  }
  thread.request_stop();
  thread.join();
  if (stop.stop_requested()) return fail(Code::cancelled, "the agent is stopping");
  if (gauge.report().keyframes > 0) return ProbedStream{gauge.report(), began, outcome};
  if (!outcome) return outcome.error_as_is();
  return fail(Code::timed_out, (gauge.report().first_packet ? "no keyframe came within " : "no video came within ") +
                                   std::to_string(to_ms(timeout)) + " ms");
}

StreamReport probe_ring(Ring& ring, const Clock& clock) {
  StreamGauge gauge;
  Cursor cursor = ring.cursor_at(clock.mono() - kLookedAt);
  std::vector<Packet> packets;
  while (cursor.read(packets, kBatch, clock.mono(), {}) > 0) {
    for (const Packet& packet : packets) {
      if (gauge.report().info && packet.info != gauge.report().info) gauge = StreamGauge();
      gauge.add(packet, clock);
    }
    packets.clear();
  }
  return gauge.report();
}

}  // namespace vedette
