#include "agent/monitoring.h"

#include <utility>

#include "agent/prometheus_text.h"
#include "core/log.h"

namespace vedette {

namespace {

constexpr seconds kFiguresInterval{5};
// A disk that is slow takes seconds for a fragment, and a long clip may be made another container when it is closed.
constexpr seconds kRecorderHangs{120};

}  // namespace

Monitoring::Monitoring(const Config& config, const Layout& layout, const Cameras& cameras, Recordings& recordings,
                       const Catalog& catalog, const Outbox& outbox, const LossLedger& losses, StatusBoard& board,
                       const Database& database, const Clock& clock, ServiceManager service)
    : config_(config),
      recordings_(recordings),
      board_(board),
      clock_(clock),
      metrics_(config, layout, cameras, recordings, catalog, outbox, losses, board, database, clock),
      service_(std::move(service)),
      started_(clock.mono()),
      next_figures_(started_),
      next_pet_(started_) {}

void Monitoring::attach(const mqtt::Session* session, UploadEngine* uploads) {
  session_ = session;
  metrics_.attach(session, uploads);
}

Status Monitoring::start(std::vector<HttpIntake> intakes) {
  if (config_.http.listen.empty()) return {};
  const auto listen = listen_address(config_.http.listen);
  if (!listen) return listen.error_as_is();
  beat();
  metrics_text_ = std::make_shared<const std::string>(prometheus_text(metrics_.families()));
  show();
  HttpServerConfig config;
  config.listen = *listen;
  config.guard = config_.http.guard();
  for (const std::string& proxy : config_.http.proxies)
    if (auto added = config.proxies.add(proxy); !added) return added.error_as_is();
  auto server = HttpServer::start(config, http_pages(shown_, main_loop_, clock_), std::move(intakes));
  if (!server) return server.error_as_is();
  http_ = std::move(*server);
  metrics_.attach(http_.get());
  return {};
}

void Monitoring::follow_tokens() {
  if (http_) http_->set_guard(config_.http.guard());
}

void Monitoring::request_stop() {
  if (http_) http_->request_stop();
}

std::vector<Error> Monitoring::hindrances() const {
  std::vector<Error> out;
  if (stopping_) out.push_back({Code::cancelled, "the agent is stopping"});
  if (!session_ || !session_->connected()) out.push_back({Code::camera_unavailable, "the broker is away"});
  if (const auto fault = board_.storage_fault()) out.push_back(*fault);
  if (board_.space_level() == SpaceLevel::full) out.push_back({Code::no_space, "the disk of the clips is full"});
  return out;
}

std::string Monitoring::one_line() const {
  const auto body = board_.body();
  std::string out = body.state + ": " + std::to_string(body.streaming) + " of " + std::to_string(body.cameras) +
                    " cameras stream, " + std::to_string(body.recording) + " record";
  if (!session_ || !session_->connected()) out += ", the broker is away";
  return out;
}

void Monitoring::show() {
  shown_.put(std::make_shared<const Shown>(Shown{metrics_text_, hindrances(), recorders_move_}));
}

void Monitoring::ready() {
  if (std::exchange(ready_, true)) return;
  last_line_ = one_line();
  service_.ready(last_line_);
}

void Monitoring::born() {
  ready();
}

void Monitoring::tick(MonoTime now) {
  const bool move = recordings_.longest_busy(now) < kRecorderHangs;
  if (!move && recorders_move_) log::error("a recorder does not get on", {{"for_s", kRecorderHangs.count()}});
  recorders_move_ = move;
  if (now >= started_ + kLongestStart) ready();
  if (service_.watchdog() && recorders_move_ && now >= next_pet_) {
    service_.pet_watchdog();
    next_pet_ = now + *service_.watchdog() / 2;
  }
  if (now >= next_figures_) {
    next_figures_ = now + kFiguresInterval;
    if (http_) metrics_text_ = std::make_shared<const std::string>(prometheus_text(metrics_.families()));
    if (std::string line = one_line(); ready_ && line != last_line_) {
      service_.status(line);
      last_line_ = std::move(line);
    }
  }
  if (http_) show();
}

void Monitoring::stopping(bool for_good) {
  stopping_ = true;
  if (for_good) service_.stopping();
  if (http_) show();
}

}  // namespace vedette
