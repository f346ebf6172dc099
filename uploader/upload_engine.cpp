#include "uploader/upload_engine.h"

#include <algorithm>
#include <atomic>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "core/backoff.h"
#include "core/log.h"
#include "core/redact.h"
#include "core/thread.h"
#include "uploader/active_upload.h"
#include "uploader/lanes.h"
#include "uploader/throughput.h"
#include "uploader/upload_queue.h"

namespace vedette {

namespace {

// So often it is looked how far the transfers are.
constexpr microseconds kTick = 1s;
constexpr microseconds kIdle = 1h;
constexpr microseconds kSweepEvery = 24h;

// Whether another row would fail as this one did. Else the failure is the row's own, and the others go on.
bool is_about_the_target(Code code) {
  switch (code) {
    case Code::upload_failed:
    case Code::conflict:
    case Code::internal:
      return false;
    default:
      return true;
  }
}

bool is_congestion(Code code) {
  return code == Code::busy || code == Code::timed_out;
}

// Of a clip or what belongs to one.
log::Field clip_of(const Upload& upload) {
  const bool other = upload.kind == "snapshot" || upload.kind == "diagnostics";
  return log::if_any("clip_id", other ? std::string_view() : upload.subject_id);
}

}  // namespace

struct UploadEngine::Impl {
  Impl(const Layout& the_layout, Catalog& the_catalog, std::unique_ptr<Target> the_target, UploadHooks the_hooks,
       const Clock& the_clock)
      : layout(the_layout),
        catalog(the_catalog),
        target(std::move(the_target)),
        hooks(std::move(the_hooks)),
        clock(the_clock),
        thread(start_thread("upload", [this](const std::stop_token& token) { run(token); })) {}

  void run(const std::stop_token& stop);
  void sweep_when_due();
  void start_some();
  bool start_next();
  void begin(Upload upload);
  void make_way();
  int lanes_in_use() const;
  int64_t rate_of_a_lane() const;
  NextPart next_part(const ActiveUpload& asking, int in_flight);
  bool gate_is_open();

  void reap();
  void end(const ActiveUpload& ended);
  void succeed(const ActiveUpload& ended, const UploadProof& proof);
  void fail(const ActiveUpload& ended, Error error);

  void observe();
  microseconds until_something() const;

  const Layout layout;
  Catalog& catalog;
  const std::unique_ptr<Target> target;
  const UploadHooks hooks;
  const Clock& clock;
  Histogram upload_time;
  std::atomic<uint64_t> uploaded_bytes{0};
  std::atomic<int64_t> rate{0};
  std::atomic<bool> woken{true};

  // The upload thread's own.
  UploadQueue* queue = nullptr;
  std::stop_token stop;
  std::list<ActiveUpload> active;
  Breaker breaker;
  Lanes lanes;
  int lanes_used = 0;  // when it was looked last
  Throughput throughput;
  UploadGate gate;
  Backoff catalog_backoff{1s, 60s};
  MonoTime look_at{};  // when rows are to be looked at again
  MonoTime sweep_at{};
  int64_t sent_bytes = 0;  // since the start

  mutable std::mutex mutex;
  UploadActivity told;

  std::jthread thread;
};

void UploadEngine::Impl::run(const std::stop_token& token) {
  stop = token;
  UploadQueue rows(layout, catalog, clock, hooks.storage_is_there, stop);
  queue = &rows;
  if (!rows.reset()) return;
  const std::stop_callback wake_up(stop, [this] { target->wake(); });
  while (!stop.stop_requested()) {
    sweep_when_due();
    start_some();
    observe();
    target->run(until_something());
    reap();
  }
  active.clear();
}

// What other runs have begun and nobody knows any more.
void UploadEngine::Impl::sweep_when_due() {
  if (clock.mono() < sweep_at || !gate_is_open()) return;
  sweep_at = clock.mono() + kSweepEvery;
  target->sweep([this](const std::string& upload_id) { return catalog.knows_parts_of(upload_id); });
}

bool UploadEngine::Impl::gate_is_open() {
  gate = hooks.gate ? hooks.gate(clock.utc()) : UploadGate{};
  return gate.open;
}

int UploadEngine::Impl::lanes_in_use() const {
  int sum = 0;
  for (const ActiveUpload& one : active) sum += one.lanes();
  return sum;
}

// Of a part, which may share the lanes with one more.
int64_t UploadEngine::Impl::rate_of_a_lane() const {
  const int64_t measured = throughput.last_bits_per_s();
  const int64_t limit = rate;
  const int64_t all = measured > 0 && limit > 0 ? std::min(measured, limit) : std::max(measured, limit);
  return all / (lanes.allowed() + 1);
}

void UploadEngine::Impl::start_some() {
  if (!woken.exchange(false) && clock.mono() < look_at) return;
  look_at = clock.mono() + kIdle;
  while (lanes_in_use() < lanes.allowed())
    if (!start_next()) return;
  make_way();
}

// False: none can be; `look_at` says when to look again.
bool UploadEngine::Impl::start_next() {
  const MonoTime now = clock.mono();
  const auto which = gate_is_open() ? Catalog::Which::all : Catalog::Which::forced;
  if (!gate.open && gate.until) look_at = now + std::clamp<microseconds>(*gate.until - clock.utc(), 1ms, kIdle);
  if (!breaker.allows(static_cast<int>(active.size()), now)) {
    if (breaker.paused_until() > now) look_at = std::min(look_at, breaker.paused_until());
    return false;
  }
  auto claim = queue->claim(which);
  if (!claim) {
    if (catalog_backoff.failures() == 0) log::error("upload queue", {{"error", claim.error().message}});
    look_at = std::min(look_at, now + catalog_backoff.next());
    return false;
  }
  catalog_backoff.reset();
  if (!claim->upload) {
    look_at = std::min(look_at, now + claim->until_next);
    return false;
  }
  begin(std::move(*claim->upload));
  return true;
}

void UploadEngine::Impl::begin(Upload upload) {
  auto source = queue->open(upload);
  const Status opened = source ? Status() : source.error_as_is();
  ActiveUpload& one =
      active.emplace_back(std::move(upload), source ? std::move(*source) : UploadQueue::Source{}, catalog, clock.mono(),
                          [this](const ActiveUpload& asking, int in_flight) { return next_part(asking, in_flight); });
  if (opened) return one.begin(*target, rate_of_a_lane());
  one.ended(opened.error_as_is());
  target->wake();
}

// All lanes are in use: does something wait that is more urgent than one of those under way?
void UploadEngine::Impl::make_way() {
  if (active.empty() || std::any_of(active.begin(), active.end(), [](const auto& one) { return one.overtaken(); }))
    return;
  const auto due = catalog.due_priority(clock.utc(), gate_is_open() ? Catalog::Which::all : Catalog::Which::forced);
  if (!due || !*due) return;
  const auto last = std::max_element(active.begin(), active.end(), [](const auto& a, const auto& b) {
    return a.upload().priority < b.upload().priority;
  });
  if (**due < last->upload().priority) last->overtake();
}

NextPart UploadEngine::Impl::next_part(const ActiveUpload& asking, int in_flight) {
  if (stop.stop_requested() || asking.overtaken()) return NextPart::leave;
  if (!gate_is_open() && !asking.upload().forced) return NextPart::leave;
  // One more than there are lanes: it is sent while the store takes its time to answer another.
  return in_flight > 0 && lanes_in_use() > lanes.allowed() ? NextPart::wait : NextPart::go;
}

void UploadEngine::Impl::reap() {
  for (auto it = active.begin(); it != active.end();) {
    if (!it->result()) {
      ++it;
      continue;
    }
    sent_bytes += it->take_sent();
    end(*it);
    it = active.erase(it);
    woken = true;
  }
  // Behind the last parts of an object, say: the next one need not wait for its end.
  const int used = lanes_in_use();
  if (used < std::exchange(lanes_used, used)) woken = true;
}

void UploadEngine::Impl::end(const ActiveUpload& ended) {
  const Result<UploadProof>& result = *ended.result();
  if (ended.finished_parts() > 0) breaker.succeeded();
  if (result) return succeed(ended, *result);
  if (result.error().code != Code::cancelled) return fail(ended, {result.error().code, redact(result.error().message)});
  log::info("upload left for later", {{"object_key", ended.upload().object_key}, clip_of(ended.upload())});
  queue->put_back(ended.upload());
}

void UploadEngine::Impl::succeed(const ActiveUpload& ended, const UploadProof& proof) {
  const Upload& upload = ended.upload();
  const microseconds took = clock.mono() - ended.begun();
  if (breaker.failures() > 0) log::info("uploads go on", {{"failures", breaker.failures()}});
  breaker.succeeded();
  if (!queue->finish(upload, proof, took)) return;
  upload_time.add(took);
  uploaded_bytes += static_cast<uint64_t>(upload.size_bytes);
  log::info("uploaded", {{"object_key", upload.object_key},
                         clip_of(upload),
                         log::if_any("camera", upload.camera_id),
                         log::if_any("command_id", upload.command_id),
                         {"bytes", upload.size_bytes},
                         {"took_ms", to_ms(took)},
                         {"already_there", proof.already_there}});
  UploadReport report{upload, true, false, {}};
  report.upload.etag = proof.etag;
  hooks.on_report(std::move(report));
}

void UploadEngine::Impl::fail(const ActiveUpload& ended, Error error) {
  const Upload& upload = ended.upload();
  const MonoTime now = clock.mono();
  const auto failed = queue->fail(upload, error, ended.finished_parts() > 0);
  if (!failed) return;
  const bool pauses_all = failed->will_retry && is_about_the_target(error.code);
  if (pauses_all ? breaker.failures() == 0 : failed->is_news)
    log::warn("upload failed", {{"object_key", upload.object_key},
                                clip_of(upload),
                                log::if_any("camera", upload.camera_id),
                                log::if_any("command_id", upload.command_id),
                                {"code", code_name(error.code)},
                                {"error", error.message},
                                {"will_retry", failed->will_retry}});
  if (pauses_all) breaker.failed(now);
  if (is_congestion(error.code)) lanes.congested(now);
  hooks.on_report({upload, false, failed->will_retry, std::move(error)});
}

void UploadEngine::Impl::observe() {
  const MonoTime now = clock.mono();
  std::vector<UploadProgress> news;
  UploadActivity current;
  for (ActiveUpload& one : active) {
    sent_bytes += one.take_sent();
    current.under_way.push_back({one.upload(), one.sent_bytes()});
    if (one.has_news(now)) news.push_back(current.under_way.back());
  }
  lanes.measure(sent_bytes, lanes_in_use(), now);
  throughput.sample(sent_bytes, !active.empty(), now);
  current.breaker = breaker.state(static_cast<int>(active.size()));
  current.failures = breaker.failures();
  if (breaker.failures() > 0) current.next_probe = breaker.paused_until();
  current.gate = gate;
  current.lanes = lanes.allowed();
  current.bits_per_s = throughput.bits_per_s();
  {
    const std::lock_guard lock(mutex);
    told = std::move(current);
  }
  if (hooks.on_progress)
    for (UploadProgress& one : news) hooks.on_progress(std::move(one));
}

microseconds UploadEngine::Impl::until_something() const {
  if (woken) return 0us;
  const microseconds left = std::max<microseconds>(look_at - clock.mono(), 0us);
  return active.empty() ? left : std::min(left, kTick);
}

UploadEngine::UploadEngine(const Layout& layout, Catalog& catalog, std::unique_ptr<Target> target, UploadHooks hooks,
                           const Clock& clock)
    : impl_(std::make_unique<Impl>(layout, catalog, std::move(target), std::move(hooks), clock)) {}

UploadEngine::~UploadEngine() = default;

void UploadEngine::wake() {
  impl_->woken = true;
  impl_->target->wake();
}

void UploadEngine::request_stop() {
  impl_->thread.request_stop();
}

const Target& UploadEngine::target() const {
  return *impl_->target;
}

void UploadEngine::set_rate(int64_t bits_per_s) {
  impl_->rate = bits_per_s;
  impl_->target->set_rate(bits_per_s);
}

UploadActivity UploadEngine::activity() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->told;
}

Histogram& UploadEngine::upload_time() {
  return impl_->upload_time;
}

uint64_t UploadEngine::uploaded_bytes_total() const {
  return impl_->uploaded_bytes;
}

}  // namespace vedette
