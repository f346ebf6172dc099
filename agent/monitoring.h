#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/http_pages.h"
#include "agent/metrics.h"
#include "agent/service_manager.h"
#include "core/heartbeat.h"
#include "core/published.h"
#include "http/server.h"

namespace vedette {

// Monitoring shows how the agent is to those who look after it: by HTTP where the configuration has a listener, and to
// the service manager, whose watchdog is petted only while the main loop and the recorders move. Belongs to the main
// loop; borrows all it reports on, which outlives it.
class Monitoring {
 public:
  Monitoring(const Config& config, const Layout& layout, const Cameras& cameras, Recordings& recordings,
             const Catalog& catalog, const Outbox& outbox, const LossLedger& losses, StatusBoard& board,
             const Database& database, const Clock& clock, ServiceManager service = ServiceManager::of_environment());

  void attach(const mqtt::Session* session, UploadEngine* uploads);
  void attach(const Exporter* exporter) { metrics_.attach(exporter); }
  // The listener takes bodies, too, where there are intakes. Errors say why it cannot be listened.
  Status start(std::vector<HttpIntake> intakes = {});
  // Those of the configuration count, for requests from here on.
  void follow_tokens();
  void request_stop();

  // The main loop comes round.
  void beat() { main_loop_.beat(clock_.mono()); }
  // Every second.
  void tick(MonoTime now);
  // The birth was told to the broker. Nobody waits longer than kLongestStart for that: a box must record without one.
  void born();
  static constexpr seconds kLongestStart{5};
  // `for_good`: the process is not to begin again in its place, which a service manager would not wait for.
  void stopping(bool for_good);

  MetricFamilies metrics() { return metrics_.families(); }

 private:
  std::vector<Error> hindrances() const;
  std::string one_line() const;
  void ready();
  void show();

  const Config& config_;
  Recordings& recordings_;
  StatusBoard& board_;
  const Clock& clock_;
  Metrics metrics_;
  ServiceManager service_;
  const mqtt::Session* session_ = nullptr;
  const MonoTime started_;
  bool ready_ = false;
  bool stopping_ = false;
  bool recorders_move_ = true;
  MonoTime next_figures_, next_pet_;
  std::string last_line_;
  std::shared_ptr<const std::string> metrics_text_;
  Heartbeat main_loop_;
  Published<Shown> shown_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace vedette
