#include "uploader/upload_queue.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/backoff.h"
#include "core/log.h"
#include "core/thread.h"

namespace vedette {

namespace {

constexpr milliseconds kFirstPause = 1s;
constexpr milliseconds kMostPause = 60s;
// With nothing to do, until woken.
constexpr microseconds kIdle = 1h;

// The pause before a row's next try: what a Backoff gives after so many failures.
milliseconds pause_after(int attempts) {
  constexpr int kDoublings = 7;  // 2^6 s is above the most
  Backoff backoff(kFirstPause, kMostPause);
  for (int i = 1; i < std::min(attempts, kDoublings); ++i) backoff.next();
  return backoff.next();
}

// A poster and a manifest go before their clip, but that they fail is no news: the clip is to be tried meanwhile, which
// tells.
int later_by(const Upload& upload) {
  return upload.kind == "poster" || upload.kind == "manifest" ? 3 : 0;
}

// The row keeps its last error as "code: message".
std::string text_of(const Error& error) {
  return std::string(code_name(error.code)) + ": " + error.message;
}

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

UploadQueue::UploadQueue(const Layout& layout, Catalog& catalog, const Clock& clock,
                         std::function<bool()> storage_is_there, std::stop_token stop)
    : layout_(layout),
      catalog_(catalog),
      clock_(clock),
      storage_is_there_(std::move(storage_is_there)),
      stop_(std::move(stop)) {}

bool UploadQueue::reset() {
  return settle([this] { return catalog_.reset_uploads(); });
}

Result<UploadQueue::Claim> UploadQueue::claim(Catalog::Which which, Catalog::Turn turn) {
  const UtcTime now = clock_.utc();
  auto upload = catalog_.claim_upload(now, which, turn);
  if (!upload) return upload.error_as_is();
  if (*upload) return Claim{std::move(*upload)};
  const auto due = catalog_.next_upload_at(which);
  if (!due) return due.error_as_is();
  if (!*due) return Claim{std::nullopt, kIdle};
  // No pause is that long: the clock was set back since, and the row has waited enough.
  if (**due - now <= kMostPause) return Claim{std::nullopt, std::max<microseconds>(**due - now, 1ms)};
  upload = catalog_.claim_upload(**due, which, turn);
  if (!upload) return upload.error_as_is();
  return Claim{std::move(*upload), kMostPause};
}

Result<UploadQueue::Source> UploadQueue::open(const Upload& upload) const {
  Source source;
  if (upload.kind != "manifest") {
    source.path = layout_.absolute(upload.path);
  } else {
    const auto manifest = catalog_.manifest(upload.subject_id);
    if (!manifest) return manifest.error_as_is();
    auto file = file::in_memory(*manifest);
    if (!file) return file.error_as_is();
    source.path = std::move(file->path);
    source.in_memory = std::move(file->fd);
  }
  if (upload.upload_id.empty()) return source;
  auto parts = catalog_.parts(upload.row);
  if (!parts) return parts.error_as_is();
  source.parts = std::move(*parts);
  return source;
}

std::vector<bool> UploadQueue::finish(const std::vector<Finished>& finished) {
  std::vector<ProvedUpload> proved;
  for (const auto& [upload, proof, took] : finished) {
    proved.push_back({upload.row, proof.etag, {}});
    if (upload.kind == "clip") proved.back().events.push_back(uploaded_event(upload, proof.etag, took, clock_.utc()));
  }
  std::vector<bool> to_tell(finished.size());
  settle([&]() -> Status {
    auto were_there = catalog_.finish_uploads(proved);
    if (!were_there) return were_there.error_as_is();
    to_tell = std::move(*were_there);
    return {};
  });
  return to_tell;
}

std::optional<UploadQueue::Failed> UploadQueue::fail(const Upload& upload, const Error& error, bool moved_on) {
  Failed failed;
  // One picture of the clip is as good as another.
  const bool has_another = upload.kind == "poster" && error.code == Code::conflict;
  failed.will_retry = !has_another && !(error.code == Code::not_found && is_gone(upload));
  failed.is_news = !failed.will_retry || !has_failed_like_this(upload, error.code);
  const UtcTime now = clock_.utc();
  std::vector<OutboxEvent> events;
  if (failed.is_news && upload.kind == "clip") events.push_back(failed_event(upload, error, failed.will_retry, now));
  std::optional<UtcTime> next_try;
  if (failed.will_retry) next_try = now + pause_after(moved_on ? 1 : upload.attempts + later_by(upload));
  if (!settle_row([&] { return catalog_.fail_upload(upload.row, text_of(error), next_try, events); }))
    return std::nullopt;
  return failed;
}

bool UploadQueue::put_back(const Upload& upload) {
  return settle_row([&] { return catalog_.put_back_upload(upload.row); });
}

// Whether the file is missing for good, and not the whole storage folder for a while.
bool UploadQueue::is_gone(const Upload& upload) const {
  if (upload.kind == "manifest") {
    const auto manifest = catalog_.manifest(upload.subject_id);
    return !manifest && manifest.error().code == Code::not_found;
  }
  std::error_code error;
  return !std::filesystem::exists(layout_.absolute(upload.path), error) && !error &&
         std::filesystem::exists(layout_.database(), error) && (!storage_is_there_ || storage_is_there_());
}

// Tries until the catalog has done it. False: stopped meanwhile.
bool UploadQueue::settle(const std::function<Status()>& work) const {
  Backoff backoff(kFirstPause, kMostPause);
  for (;;) {
    const Status status = work();
    if (status) return true;
    if (backoff.failures() == 0) log::error("upload queue", {{"error", status.error().message}});
    if (wait_for(backoff.next(), stop_)) return false;
  }
}

// The same for the change of a row. False also when the row is there no more: its clip was deleted meanwhile.
bool UploadQueue::settle_row(const std::function<Status()>& change) const {
  bool is_there = true;
  const auto work = [&]() -> Status {
    Status status = change();
    is_there = status || status.error().code != Code::not_found;
    return is_there ? std::move(status) : Status();
  };
  return settle(work) && is_there;
}

}  // namespace vedette
