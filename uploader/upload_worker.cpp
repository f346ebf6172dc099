#include "uploader/upload_worker.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/backoff.h"
#include "core/file.h"
#include "core/log.h"
#include "core/redact.h"
#include "core/thread.h"

namespace vedette {

namespace {

constexpr milliseconds kFirstPause = 1s;
constexpr milliseconds kMostPause = 60s;
// With nothing to do, until wake().
constexpr microseconds kIdle = 1h;

// The pause before a row's next try: what a Backoff gives after so many failures.
milliseconds pause_after(int attempts) {
  constexpr int kDoublings = 7;  // 2^6 s is above the most
  Backoff backoff(kFirstPause, kMostPause);
  for (int i = 1; i < std::min(attempts, kDoublings); ++i) backoff.next();
  return backoff.next();
}

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

// The row keeps its last error as "code: message".
bool has_failed_like_this(const Upload& upload, Code code) {
  return upload.last_error && upload.last_error->rfind(std::string(code_name(code)) + ":", 0) == 0;
}

OutboxEvent event_of(const Upload& upload, std::string type, const Json& data, UtcTime now) {
  OutboxEvent event = make_event(std::move(type), upload.camera_id, data, now);
  event.command_id = upload.command_id;
  event.traceparent = upload.traceparent;
  return event;
}

OutboxEvent uploaded_event(const Upload& upload, const std::string& etag, microseconds took, UtcTime now) {
  return event_of(upload, "clip.uploaded",
                  {{"clip_id", upload.subject_id},
                   {"object_key", upload.object_key},
                   {"etag", etag},
                   {"size_bytes", upload.size_bytes},
                   {"sha256", upload.sha256},
                   {"attempts", upload.attempts},
                   {"took_ms", to_ms(took)}},
                  now);
}

OutboxEvent failed_event(const Upload& upload, const Error& error, bool will_retry, UtcTime now) {
  return event_of(upload, "clip.upload_failed",
                  {{"clip_id", upload.subject_id},
                   {"code", code_name(error.code)},
                   {"message", error.message},
                   {"attempts", upload.attempts},
                   {"will_retry", will_retry}},
                  now);
}

}  // namespace

struct UploadWorker::Impl {
  Impl(const Layout& the_layout, Catalog& the_catalog, std::unique_ptr<Target> the_target, OnReport report,
       const Clock& the_clock, std::function<bool()> is_there)
      : layout(the_layout),
        catalog(the_catalog),
        target(std::move(the_target)),
        on_report(std::move(report)),
        clock(the_clock),
        storage_is_there(std::move(is_there)),
        thread(start_thread("upload", [this](const std::stop_token& stop) { run(stop); })) {}

  void run(const std::stop_token& stop);
  Result<std::optional<Upload>> claim(microseconds& until_next);
  void handle(const Upload& upload, const std::stop_token& stop);
  Result<UploadProof> put(const Upload& upload, const std::stop_token& stop);
  void succeed(const Upload& upload, const UploadProof& proof, microseconds took, const std::stop_token& stop);
  void fail(const Upload& upload, Error error, const std::stop_token& stop);
  bool is_gone(const Upload& upload) const;
  bool settle(const std::function<Status()>& work, const std::stop_token& stop);
  bool settle_row(const std::function<Status()>& change, const std::stop_token& stop);
  void wait(microseconds duration, const std::stop_token& stop);

  const Layout layout;
  Catalog& catalog;
  const std::unique_ptr<Target> target;
  const OnReport on_report;
  const Clock& clock;
  const std::function<bool()> storage_is_there;
  Histogram upload_time;
  std::atomic<uint64_t> uploaded_bytes{0};

  // The upload thread's own.
  Backoff target_backoff{kFirstPause, kMostPause};
  MonoTime paused_until{};

  std::mutex mutex;
  std::condition_variable_any changed;
  bool woken = false;

  std::jthread thread;
};

void UploadWorker::Impl::run(const std::stop_token& stop) {
  if (!settle([this] { return catalog.reset_uploads(); }, stop)) return;
  while (!stop.stop_requested()) {
    if (const microseconds pause = paused_until - clock.mono(); pause > 0us) {
      wait(pause, stop);
      continue;
    }
    microseconds until_next = kIdle;
    std::optional<Upload> upload;
    const auto claimed = [&]() -> Status {
      auto row = claim(until_next);
      if (!row) return row.error_as_is();
      upload = std::move(*row);
      return {};
    };
    if (!settle(claimed, stop)) return;
    if (upload)
      handle(*upload, stop);
    else
      wait(until_next, stop);
  }
}

// A row that is due, or how long it takes until there is one.
Result<std::optional<Upload>> UploadWorker::Impl::claim(microseconds& until_next) {
  const UtcTime now = clock.utc();
  auto upload = catalog.claim_upload(now);
  if (!upload || *upload) return upload;
  const auto due = catalog.next_upload_at();
  if (!due) return due.error_as_is();
  if (!*due) return std::optional<Upload>();
  until_next = **due - now;
  // No pause is that long: the clock was set back since, and the row has waited enough.
  if (until_next > kMostPause) return catalog.claim_upload(**due);
  return std::optional<Upload>();
}

Result<UploadProof> UploadWorker::Impl::put(const Upload& upload, const std::stop_token& stop) {
  if (upload.kind != "manifest") return target->put(upload, layout.absolute(upload.path), stop);
  const auto manifest = catalog.manifest(upload.subject_id);
  if (!manifest) return manifest.error_as_is();
  const auto file = file::in_memory(*manifest);
  if (!file) return file.error_as_is();
  return target->put(upload, file->path, stop);
}

void UploadWorker::Impl::handle(const Upload& upload, const std::stop_token& stop) {
  const MonoTime begin = clock.mono();
  const auto proof = put(upload, stop);
  if (proof) return succeed(upload, *proof, clock.mono() - begin, stop);
  if (proof.error().code == Code::cancelled) return;  // stopped; the row is pending again at the next start
  fail(upload, {proof.error().code, redact(proof.error().message)}, stop);
}

void UploadWorker::Impl::succeed(const Upload& upload, const UploadProof& proof, microseconds took,
                                 const std::stop_token& stop) {
  std::vector<OutboxEvent> events;
  if (upload.kind == "clip") events.push_back(uploaded_event(upload, proof.etag, took, clock.utc()));
  if (!settle_row([&] { return catalog.finish_upload(upload.row, proof.etag, events); }, stop)) return;
  upload_time.add(took);
  uploaded_bytes += static_cast<uint64_t>(upload.size_bytes);
  if (target_backoff.failures() > 0) log::info("uploads go on", {{"failures", target_backoff.failures()}});
  target_backoff.reset();
  log::info("uploaded", {{"object_key", upload.object_key},
                         {"bytes", upload.size_bytes},
                         {"took_ms", to_ms(took)},
                         {"already_there", proof.already_there}});
  on_report({upload, true, false, {}});
}

void UploadWorker::Impl::fail(const Upload& upload, Error error, const std::stop_token& stop) {
  const bool will_retry = !(error.code == Code::not_found && is_gone(upload));
  const bool is_news = !will_retry || !has_failed_like_this(upload, error.code);
  const UtcTime now = clock.utc();
  std::vector<OutboxEvent> events;
  if (is_news && upload.kind == "clip") events.push_back(failed_event(upload, error, will_retry, now));
  const auto next_try = will_retry ? std::optional(now + pause_after(upload.attempts)) : std::nullopt;
  const std::string text = std::string(code_name(error.code)) + ": " + error.message;
  if (!settle_row([&] { return catalog.fail_upload(upload.row, text, next_try, events); }, stop)) return;

  const bool pauses_all = will_retry && is_about_the_target(error.code);
  if (pauses_all ? target_backoff.failures() == 0 : is_news)
    log::warn("upload failed", {{"object_key", upload.object_key}, {"error", text}, {"will_retry", will_retry}});
  if (pauses_all) paused_until = clock.mono() + target_backoff.next();
  on_report({upload, false, will_retry, std::move(error)});
}

// Whether the file is missing for good, and not the whole storage folder for a while.
bool UploadWorker::Impl::is_gone(const Upload& upload) const {
  if (upload.kind == "manifest") return true;
  std::error_code error;
  return !std::filesystem::exists(layout.absolute(upload.path), error) && !error &&
         std::filesystem::exists(layout.database(), error) && (!storage_is_there || storage_is_there());
}

// Tries until the catalog has done it. False: stopped meanwhile.
bool UploadWorker::Impl::settle(const std::function<Status()>& work, const std::stop_token& stop) {
  Backoff backoff(kFirstPause, kMostPause);
  for (;;) {
    const Status status = work();
    if (status) return true;
    if (backoff.failures() == 0) log::error("upload queue", {{"error", status.error().message}});
    if (wait_for(backoff.next(), stop)) return false;
  }
}

// The same for the change of a row. False also when the row is there no more: its clip was deleted meanwhile.
bool UploadWorker::Impl::settle_row(const std::function<Status()>& change, const std::stop_token& stop) {
  bool is_there = true;
  const auto work = [&]() -> Status {
    Status status = change();
    is_there = status || status.error().code != Code::not_found;
    return is_there ? std::move(status) : Status();
  };
  return settle(work, stop) && is_there;
}

void UploadWorker::Impl::wait(microseconds duration, const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, duration, [this] { return woken; });
  woken = false;
}

UploadWorker::UploadWorker(const Layout& layout, Catalog& catalog, std::unique_ptr<Target> target, OnReport on_report,
                           const Clock& clock, std::function<bool()> storage_is_there)
    : impl_(std::make_unique<Impl>(layout, catalog, std::move(target), std::move(on_report), clock,
                                   std::move(storage_is_there))) {}

UploadWorker::~UploadWorker() = default;

void UploadWorker::wake() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->woken = true;
  }
  impl_->changed.notify_one();
}

void UploadWorker::request_stop() {
  impl_->thread.request_stop();
}

const Target& UploadWorker::target() const {
  return *impl_->target;
}

Histogram& UploadWorker::upload_time() {
  return impl_->upload_time;
}

uint64_t UploadWorker::uploaded_bytes_total() const {
  return impl_->uploaded_bytes;
}

}  // namespace vedette
