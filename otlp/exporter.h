#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/backoff.h"
#include "core/clock.h"
#include "net/http_client.h"
#include "otlp/otlp_answer.h"
#include "otlp/otlp_json.h"
#include "otlp/trace_span.h"

namespace vedette {

struct OtlpSettings {
  std::string endpoint;  // http(s)://host[:port][/path], without a '/' at its end
  std::vector<std::pair<std::string, std::string>> headers;
  std::string ca_file;  // empty: the system's
  OtlpResource resource;
};

struct OtlpFigures {
  size_t waiting = 0;     // spans that are not sent yet
  uint64_t sent = 0;      // those that the collector took
  uint64_t refused = 0;   // those that it did not want
  uint64_t dropped = 0;   // those for which there was no room while it was away
  uint64_t failures = 0;  // requests that came to nothing
};

// Exporter brings spans and metrics to a collector, by OTLP/HTTP in JSON, in a thread of its own. Who hands them in
// never waits and hears of no failure.
//
// Of spans the newest kMostWaiting are kept, beside kBatch that are under way; the older ones are dropped, and counted.
// They go when metrics do, and as soon as a batch is together. Of metrics only the newest count: they are cumulative,
// so what was missed is in the next ones. A collector that cannot be reached or is too busy is tried again after a
// pause that doubles up to a minute, with jitter, and comes behind the one it asks for; what it refuses is not sent
// again.
//
// In the end what is under way and what spans are left still go, until destruction has waited kLastFlush for that.
// Methods are thread-safe.
class Exporter {
 public:
  static constexpr size_t kMostWaiting = 2048;
  static constexpr size_t kBatch = 512;
  static constexpr milliseconds kLastFlush{500};

  explicit Exporter(OtlpSettings settings);
  ~Exporter();

  void add(TraceSpan span);
  // The spans that wait go now, and these metrics.
  void export_now(std::optional<MetricSnapshot> metrics = {});
  // Begins the end: what comes now is not sent any more.
  void request_stop() { thread_.request_stop(); }

  OtlpFigures figures() const;

 private:
  // Where the two kinds go to.
  struct Road {
    const char* path;
    bool refused = false;  // what was sent there last
  };
  void run(const std::stop_token& stop);
  // The next metrics, if there are any, as soon as something is to be sent, or at the stop.
  std::optional<MetricSnapshot> wait_for_work(const std::stop_token& stop);
  bool take_batch();
  bool send_batch();
  bool send(Road& road, const std::string& json);
  OtlpAnswer post(const char* path, const std::string& json);
  void count(const OtlpAnswer& answer, size_t spans);
  void tell(Road& road, const OtlpAnswer& answer);

  const OtlpSettings settings_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<TraceSpan> waiting_;
  std::optional<MetricSnapshot> metrics_;
  bool due_ = false;
  bool ended_ = false;
  bool dropping_ = false;  // since the collector took something the last time
  OtlpFigures figures_;

  std::stop_source hang_up_;  // behind the stop, which lets requests come to their end

  // The thread's alone.
  HttpClient client_;
  Road traces_{"/v1/traces"}, points_{"/v1/metrics"};
  Backoff pause_;
  MonoTime rest_until_;
  std::vector<TraceSpan> batch_;
  bool told_partial_ = false;

  std::jthread thread_;
};

}  // namespace vedette
