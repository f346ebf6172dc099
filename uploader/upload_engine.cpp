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
#include "uploader/failure.h"
#include "uploader/lanes.h"
#include "uploader/throughput.h"
#include "uploader/upload_queue.h"

namespace vedette {

namespace {

// So often it is looked how far the transfers are.
constexpr microseconds kTick = 1s;
constexpr microseconds kIdle = 1h;
constexpr microseconds kSweepEvery = 24h;
constexpr microseconds kSweepAgain = 5min;  // when the target was not there for it
// What is proved is committed after so long, so that a sync is for many when many come; at once when there is time.
constexpr microseconds kCommitWithin = 50ms;
// What is under way at once is through after so long: then what is urgent has a place (and see plan_parts()).
constexpr seconds kThroughWithin{60};

// Of a clip or what belongs to one.
log::Field clip_of(const Upload& upload) {
  const bool other = upload.kind == "snapshot" || upload.kind == "diagnostics";
  return log::if_any("clip_id", other ? std::string_view() : upload.subject_id);
}

}  // namespace

struct UploadEngine::Impl {
  Impl(const Layout& the_layout, Catalog& the_catalog, std::unique_ptr<Target> the_target, UploadHooks the_hooks,
       const Clock& the_clock, int64_t bits_per_s)
      : layout(the_layout),
        catalog(the_catalog),
        target(std::move(the_target)),
        hooks(std::move(the_hooks)),
        clock(the_clock),
        rate(bits_per_s),
        thread(start_thread("upload", [this](const std::stop_token& token) { run(token); })) {}

  void run(const std::stop_token& stop);
  void sweep_when_due();
  void sweep_again(const Error& error);
  void start_some();
  bool may_start() const;
  bool start_next();
  void begin(Upload upload);
  void make_way();
  int lanes_in_use() const;
  int64_t rate_of_all() const;
  int64_t rate_of_a_lane() const;
  bool has_room_for(int64_t more_bytes) const;
  NextPart next_part(const ActiveUpload& asking, int in_flight);
  bool gate_is_open();

  void reap();
  void end(std::list<ActiveUpload>::iterator ended);
  void commit_when_due();
  void commit();
  void tell_uploaded(const Upload& upload, const UploadProof& proof, microseconds took);
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
  std::list<ActiveUpload> proved;  // and not committed; what took how long is known
  MonoTime commit_at{};
  Breaker breaker;
  Lanes lanes;
  int lanes_used = 0;  // when it was looked last
  Throughput throughput;
  UploadGate gate;
  Backoff catalog_backoff{1s, 60s};
  MonoTime look_at{};  // when rows are to be looked at again
  MonoTime sweep_at{};
  bool sweep_failed = false;  // once, which was told
  int64_t sent_bytes = 0;     // since the start

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
    commit_when_due();
    observe();
    target->run(until_something());
    reap();
  }
  commit();
  active.clear();
}

// What other runs have begun and nobody knows any more.
void UploadEngine::Impl::sweep_when_due() {
  if (clock.mono() < sweep_at || breaker.failures() > 0 || !gate_is_open()) return;
  sweep_at = clock.mono() + kSweepEvery;
  target->sweep([this](const std::string& upload_id) { return catalog.knows_parts_of(upload_id); },
                [this](const Error& error) { sweep_again(error); });
}

void UploadEngine::Impl::sweep_again(const Error& error) {
  if (!std::exchange(sweep_failed, true))
    log::info("left-over parts are looked for later", {{"error", redact(error.message)}});
  sweep_at = clock.mono() + kSweepAgain;
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

// As measured or limited; 0: not known.
int64_t UploadEngine::Impl::rate_of_all() const {
  const int64_t measured = throughput.last_bits_per_s();
  const int64_t limit = rate;
  return measured > 0 && limit > 0 ? std::min(measured, limit) : std::max(measured, limit);
}

// Of a part, which may share the lanes with one more.
int64_t UploadEngine::Impl::rate_of_a_lane() const {
  return rate_of_all() / (lanes.allowed() + 1);
}

// Whether so much more may be sent beside what is under way. On a thin link it goes one after the other.
bool UploadEngine::Impl::has_room_for(int64_t more_bytes) const {
  int64_t bytes = more_bytes;
  for (const ActiveUpload& one : active) bytes += one.bytes_in_flight();
  const int64_t known_rate = rate_of_all();
  return known_rate == 0 || bytes / kThroughWithin.count() <= known_rate / 8;
}

// What is under way goes on first.
bool UploadEngine::Impl::may_start() const {
  if (active.empty()) return true;
  return lanes_in_use() < lanes.allowed() && has_room_for(0) &&
         std::none_of(active.begin(), active.end(), [](const ActiveUpload& one) { return one.wants_more(); });
}

void UploadEngine::Impl::start_some() {
  if (!woken.exchange(false) && clock.mono() < look_at) return;
  look_at = clock.mono() + kIdle;
  while (may_start()) {
    if (!start_next()) return;
  }
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
  auto claim = queue->claim(which, breaker.failures() > 0 ? Catalog::Turn::longest_wait : Catalog::Turn::by_order);
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
  // The gate may have been closed since it was asked, and the row have come after that.
  if (which == Catalog::Which::all && !claim->upload->forced && !gate_is_open()) {
    queue->put_back(*claim->upload);
    return true;
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
  const bool has_place = lanes_in_use() <= lanes.allowed() && has_room_for(asking.part_size_bytes());
  return in_flight > 0 && !has_place ? NextPart::wait : NextPart::go;
}

void UploadEngine::Impl::reap() {
  for (auto it = active.begin(); it != active.end();) {
    const auto one = it++;
    if (!one->result()) continue;
    sent_bytes += one->take_sent();
    end(one);
    woken = true;
  }
  // Behind the last parts of an object, say: the next one need not wait for its end.
  const int used = lanes_in_use();
  if (used < std::exchange(lanes_used, used)) woken = true;
}

void UploadEngine::Impl::end(std::list<ActiveUpload>::iterator ended) {
  ended->close(clock.mono());
  const Result<UploadProof>& result = *ended->result();
  if (ended->finished_parts() > 0) breaker.succeeded();
  if (result) {
    if (breaker.failures() > 0) log::info("uploads go on", {{"failures", breaker.failures()}});
    breaker.succeeded();
    if (proved.empty()) commit_at = clock.mono() + kCommitWithin;
    return proved.splice(proved.end(), active, ended);
  }
  if (result.error().code != Code::cancelled) {
    fail(*ended, {result.error().code, redact(result.error().message)});
  } else {
    log::info("upload left for later", {{"object_key", ended->upload().object_key}, clip_of(ended->upload())});
    queue->put_back(ended->upload());
  }
  active.erase(ended);
}

// What has just begun is on its way meanwhile. With all lanes in use a few more are waited for.
void UploadEngine::Impl::commit_when_due() {
  if (lanes_in_use() < lanes.allowed() || clock.mono() >= commit_at) commit();
}

void UploadEngine::Impl::commit() {
  if (proved.empty()) return;
  std::vector<UploadQueue::Finished> finished;
  for (const ActiveUpload& one : proved) finished.push_back({one.upload(), **one.result(), one.took()});
  const std::vector<bool> to_tell = queue->finish(finished);
  for (size_t i = 0; i < finished.size(); ++i)
    if (to_tell[i]) tell_uploaded(finished[i].upload, finished[i].proof, finished[i].took);
  proved.clear();
  woken = true;  // clips may have waited for it
}

void UploadEngine::Impl::tell_uploaded(const Upload& upload, const UploadProof& proof, microseconds took) {
  upload_time.add(took);
  uploaded_bytes += static_cast<uint64_t>(upload.size_bytes);
  log::info("uploaded", {{"object_key", upload.object_key},
                         clip_of(upload),
                         log::if_any("camera", upload.camera_id),
                         log::if_any("command_id", upload.command_id),
                         {"bytes", upload.size_bytes},
                         {"took_ms", to_ms(took)},
                         {"already_there", proof.already_there}});
  UploadReport report{upload, true, false, {}, took};
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
  hooks.on_report({upload, false, failed->will_retry, std::move(error), ended.took()});
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
  for (const ActiveUpload& one : proved) current.under_way.push_back({one.upload(), one.upload().size_bytes});
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
  const MonoTime now = clock.mono();
  MonoTime next = proved.empty() ? look_at : std::min(look_at, commit_at);
  // A sweep that is due and not made waits for the gate or the breaker, not for an instant.
  if (sweep_at > now) next = std::min(next, sweep_at);
  const microseconds left = std::max<microseconds>(next - now, 0us);
  return active.empty() ? left : std::min(left, kTick);
}

UploadEngine::UploadEngine(const Layout& layout, Catalog& catalog, std::unique_ptr<Target> target, UploadHooks hooks,
                           const Clock& clock, int64_t bits_per_s) {
  target->set_rate(bits_per_s);
  impl_ = std::make_unique<Impl>(layout, catalog, std::move(target), std::move(hooks), clock, bits_per_s);
}

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
  impl_->woken = true;  // there may be room for more
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
