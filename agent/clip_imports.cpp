#include "agent/clip_imports.h"

#include <nlohmann/json.hpp>

#include "agent/import_request.h"
#include "core/log.h"
#include "core/redact.h"

namespace vedette {

namespace {

constexpr const char* kPrefix = "/upload/";
constexpr const char* kRetryAfterS = "30";
// Each has one thing to do at a time, and its end.
constexpr size_t kMostWaiting = 2 * ClipImports::kMostAtOnce;
// A clip that begins later than so is dated wrongly, if our clock is right.
constexpr std::chrono::hours kMostAhead{1};

HttpAnswer later(int status, HttpError error, const std::string& message) {
  HttpAnswer answer = http_error(status, error, message);
  answer.headers.emplace_back("Retry-After", kRetryAfterS);
  return answer;
}

HttpAnswer answer_of(const Error& error) {
  const std::string message = redact(error.message);
  switch (error.code) {
    case Code::not_found:
      return http_error(404, HttpError::not_found, message);
    case Code::invalid_argument:
    case Code::unsupported:
      return http_error(422, HttpError::unprocessable, message);
    case Code::no_space:
      return later(507, HttpError::no_space, message);
    case Code::busy:
    case Code::cancelled:
    case Code::timed_out:
      return later(503, HttpError::too_many, message);
    default:
      return http_error(500, HttpError::internal, message);
  }
}

HttpAnswer refuse(const Error& error, const std::string& by) {
  log::warn("a clip is not imported", {{"why", error.message}, {"by", by}});
  return answer_of(error);
}

HttpAnswer answer_of(const ClipImport::Imported& imported) {
  const Clip& clip = imported.clip;
  const Json json = {{"clip_id", clip.clip_id},         {"camera_id", clip.camera_id},
                     {"sha256", clip.sha256},           {"size_bytes", clip.size_bytes},
                     {"start", to_rfc3339(clip.start)}, {"end", to_rfc3339(*clip.end)}};
  return {imported.was_there ? 200 : 201, "application/json", to_text(json) + "\n"};
}

}  // namespace

// One of kMostAtOnce, and what has come to it; goes in the job thread, as removing a large file takes long.
class ClipImports::Place {
 public:
  explicit Place(std::atomic<int>& under_way) : under_way_(under_way) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    import.reset();
    --under_way_;
  }

  std::unique_ptr<ClipImport> import;

 private:
  std::atomic<int>& under_way_;
};

class ClipImports::Sink : public HttpSink {
 public:
  Sink(ClipImports& imports, ImportOrder order, std::string by)
      : imports_(imports),
        order_(std::move(order)),
        by_(std::move(by)),
        place_(std::make_shared<Place>(imports.under_way_)) {}
  ~Sink() override {
    // Where it cannot be left to the thread, which is stopping then, it goes here.
    if (!imports_.jobs_->submit([place = std::move(place_)](const std::stop_token&) {}))
      log::debug("an import ends with the agent");
  }

  void open(Done done) override {
    // The sink may be gone when its turn comes.
    run(done,
        [&context = imports_.context_, order = order_, by = by_](Place& place,
                                                                 const std::stop_token&) -> std::optional<HttpAnswer> {
          auto begun = ClipImport::begin(order, context);
          if (!begun) return refuse(begun.error(), by);
          place.import = std::move(*begun);
          return std::nullopt;
        });
  }
  void take(std::string bytes, Done done) override {
    const auto piece = std::make_shared<const std::string>(std::move(bytes));
    run(done, [piece, by = by_](Place& place, const std::stop_token&) -> std::optional<HttpAnswer> {
      if (auto written = place.import->write(*piece); !written) return refuse(written.error(), by);
      return std::nullopt;
    });
  }
  void finish(Done done) override {
    run(done, [&imports = imports_, by = by_](Place& place, const std::stop_token& stop) {
      return std::optional(imports.finish(*place.import, by, stop));
    });
  }

 private:
  template <class Work>
  void run(const Done& done, Work work) {
    const bool queued =
        imports_.jobs_->submit([place = place_, done, work](const std::stop_token& stop) { done(work(*place, stop)); });
    if (!queued) done(answer_of({Code::busy, "too much is to be done; try again"}));
  }

  ClipImports& imports_;
  const ImportOrder order_;
  const std::string by_;
  std::shared_ptr<Place> place_;
};

ClipImports::ClipImports(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog,
                         Inbox<Event>& inbox, const Clock& clock)
    : config_(config), context_{layout, &volume, catalog, clock}, inbox_(inbox), clock_(clock) {
  if (config.http.import_most_bytes > 0) jobs_ = std::make_unique<Jobs>("imports", kMostWaiting);
  follow_config();
}

std::vector<HttpIntake> ClipImports::intakes() {
  if (!jobs_) return {};
  return {{kPrefix, HttpScope::record, static_cast<uint64_t>(config_.http.import_most_bytes),
           [this](const HttpPost& post) { return begin(post); }}};
}

void ClipImports::follow_config() {
  if (!jobs_) return;
  Terms terms;
  for (const auto& [id, camera] : config_.cameras) terms.cameras.insert(id);
  terms.has_target = config_.upload.target != Config::UploadTarget::none;
  terms.min_free_bytes = config_.storage.min_free_bytes;
  terms_.put(std::make_shared<const Terms>(std::move(terms)));
}

HttpIntake::Begun ClipImports::begin(const HttpPost& post) {
  const auto request = import_request(post.rest, post.query);
  if (!request && request.error().code == Code::invalid_argument)
    return http_error(400, HttpError::bad_request, request.error().message);
  if (!request) return answer_of(request.error());
  const auto terms = terms_.get();
  if (!terms->cameras.contains(request->camera_id)) return answer_of({Code::not_found, "there is no such camera"});
  if (clock_.synchronised() && request->start > clock_.utc() + kMostAhead)
    return http_error(400, HttpError::bad_request, "start: lies in the future");
  if (++under_way_ > kMostAtOnce) {
    --under_way_;
    return answer_of({Code::busy, "too many clips are being imported; try again"});
  }
  ImportOrder order;
  order.camera_id = request->camera_id;
  order.start = request->start;
  order.labels = request->labels;
  order.priority = request->priority;
  order.upload = request->upload && terms->has_target;
  order.size_bytes = static_cast<int64_t>(post.size_bytes);
  order.min_free_bytes = terms->min_free_bytes;
  return std::make_shared<Sink>(*this, std::move(order), post.by);
}

HttpAnswer ClipImports::finish(ClipImport& import, const std::string& by, const std::stop_token& stop) {
  const auto imported = import.finish(stop);
  if (!imported) return refuse(imported.error(), by);
  if (!imported->was_there) {
    log::info("clip imported", {{"camera", imported->clip.camera_id},
                                {"clip_id", imported->clip.clip_id},
                                {"bytes", imported->clip.size_bytes},
                                {"by", by}});
    RecorderReport report;
    report.kind = RecorderReport::Kind::clip;
    report.clip = imported->clip;
    inbox_.push(std::move(report));
  }
  return answer_of(*imported);
}

}  // namespace vedette
