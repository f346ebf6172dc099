#include "otlp/exporter.h"

#include <algorithm>
#include <iterator>

#include "core/gzip.h"
#include "core/log.h"
#include "core/thread.h"

namespace vedette {

namespace {

using Verdict = OtlpAnswer::Verdict;

constexpr seconds kLongestRequest{10};  // as OpenTelemetry's exporters have it by default
constexpr milliseconds kFirstPause{1000}, kMostPause{60'000};

}  // namespace

Exporter::Exporter(OtlpSettings settings)
    : settings_(std::move(settings)),
      pause_(kFirstPause, kMostPause),
      thread_(start_thread("otlp", [this](const std::stop_token& stop) { run(stop); })) {}

Exporter::~Exporter() {
  request_stop();
  {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, kLastFlush, [this] { return ended_; });
  }
  hang_up_.request_stop();
}

void Exporter::add(TraceSpan span) {
  bool first_dropped = false;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(span));
    if (waiting_.size() > kMostWaiting) {
      waiting_.pop_front();
      ++figures_.dropped;
      first_dropped = !std::exchange(dropping_, true);
    }
    if (waiting_.size() < kBatch) return;
    due_ = true;
  }
  wake_.notify_one();
  if (first_dropped) log::warn("otlp: spans are dropped until the collector takes some", {{"kept", kMostWaiting}});
}

void Exporter::export_now(std::optional<MetricSnapshot> metrics) {
  {
    const std::lock_guard lock(mutex_);
    if (metrics) metrics_ = std::move(metrics);
    due_ = true;
  }
  wake_.notify_one();
}

OtlpFigures Exporter::figures() const {
  const std::lock_guard lock(mutex_);
  OtlpFigures figures = figures_;
  figures.waiting += waiting_.size();
  return figures;
}

void Exporter::run(const std::stop_token& stop) {
  while (!wait_until(rest_until_, stop)) {
    const auto metrics = wait_for_work(stop);
    if (stop.stop_requested()) break;
    if (metrics && !send(points_, metrics_json(settings_.resource, *metrics))) continue;
    while (send_batch()) {
    }
  }
  while (send_batch()) {
  }
  if (const size_t left = figures().waiting; left > 0) log::warn("otlp: spans were not sent", {{"spans", left}});
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_all();
}

std::optional<MetricSnapshot> Exporter::wait_for_work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, stop, [this] { return due_; });
  due_ = false;
  return std::exchange(metrics_, std::nullopt);
}

// The batch stays until the collector has taken or refused it.
bool Exporter::take_batch() {
  const std::lock_guard lock(mutex_);
  if (batch_.empty()) {
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(kBatch, waiting_.size()));
    std::move(waiting_.begin(), end, std::back_inserter(batch_));
    waiting_.erase(waiting_.begin(), end);
  }
  figures_.waiting = batch_.size();
  return !batch_.empty();
}

// Whether there may be more to send at once.
bool Exporter::send_batch() {
  if (!take_batch() || !send(traces_, spans_json(settings_.resource, batch_))) return false;
  batch_.clear();
  return true;
}

// False: it is to be sent again, and nothing else for a while.
bool Exporter::send(Road& road, const std::string& json) {
  const OtlpAnswer answer = post(road.path, json);
  const bool later = answer.verdict == Verdict::later;
  if (later && hang_up_.stop_requested()) return false;
  count(answer, &road == &traces_ ? batch_.size() : 0);
  tell(road, answer);
  if (!later) {
    pause_.reset();
    return true;
  }
  rest_until_ = Clock::system().mono() + answer.retry_after.value_or(seconds(0)) + pause_.next();
  return false;
}

OtlpAnswer Exporter::post(const char* path, const std::string& json) {
  const auto body = gzip(json);
  if (!body) return {Verdict::refused, 0, body.error().message, {}};
  HttpRequest request;
  request.method = "POST";
  request.url = settings_.endpoint + path;
  request.headers = settings_.headers;
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back("Content-Encoding", "gzip");
  request.body = *body;
  request.ca_file = settings_.ca_file;
  request.connect_timeout = request.stall_timeout = request.total_timeout = kLongestRequest;
  return read_otlp_answer(client_.perform(request, hang_up_.get_token()));
}

void Exporter::count(const OtlpAnswer& answer, size_t spans) {
  const std::lock_guard lock(mutex_);
  if (answer.verdict != Verdict::taken) ++figures_.failures;
  if (answer.verdict == Verdict::later) {
    due_ = true;  // to go on behind the pause
    return;
  }
  const bool taken = answer.verdict == Verdict::taken;
  const uint64_t refused = taken ? std::min<uint64_t>(spans, static_cast<uint64_t>(answer.rejected)) : spans;
  figures_.waiting -= spans;
  figures_.refused += refused;
  figures_.sent += spans - refused;
  dropping_ = false;
}

// Of each trouble once, and that it is over.
void Exporter::tell(Road& road, const OtlpAnswer& answer) {
  const bool was_away = pause_.failures() > 0;
  if (answer.verdict == Verdict::later) {
    if (!was_away) log::warn("otlp: the collector does not answer", {{"path", road.path}, {"reason", answer.message}});
    return;
  }
  if (was_away) log::info("otlp: the collector answers again", {{"spans_dropped", figures().dropped}});
  const bool refused = answer.verdict == Verdict::refused;
  if (refused && !road.refused)
    log::warn("otlp: the collector refuses what it is sent", {{"path", road.path}, {"reason", answer.message}});
  if (road.refused && !refused) log::info("otlp: the collector takes what it is sent again", {{"path", road.path}});
  road.refused = refused;
  if (!refused && (answer.rejected > 0 || !answer.message.empty()) && !std::exchange(told_partial_, true))
    log::warn("otlp: the collector does not want all it is sent",
              {{"path", road.path}, {"rejected", answer.rejected}, {"reason", answer.message}});
}

}  // namespace vedette
