#include "agent/clip_creations.h"

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "core/log.h"
#include "storage/clip_maker.h"
#include "storage/coverage.h"

namespace vedette {

namespace {

using messages::Answer;

// Each holds what of its window is in a ring.
constexpr size_t kMostWaiting = 4;
constexpr std::chrono::hours kLongestWindow{24};
constexpr seconds kTellProgress{1};  // no oftener than that
constexpr int kMostClips = 10'000;   // that are read
constexpr int kMostLosses = 10'000;

Answer invalid(const std::string& message) {
  return messages::rejected({Code::invalid_argument, message});
}

RecordingSpec spec_of(const ReplyTo& to, const ClipCreate& request, AudioPolicy audio) {
  RecordingSpec spec;
  spec.recording_id = new_id();
  spec.camera_id = request.camera_id;
  spec.audio = audio;
  spec.upload = request.upload;
  spec.priority = request.priority;
  spec.container = request.container;
  spec.labels = request.labels;
  spec.command_id = to.command_id;
  spec.traceparent = to.traceparent;
  return spec;
}

Json result_of(const std::string& recording_id, const std::vector<Clip>& clips, const Coverage& coverage) {
  Json clip_ids = Json::array();
  for (const Clip& clip : clips) clip_ids.push_back(clip.clip_id);
  Json covered = Json::array();
  for (const Span& span : coverage.covered) covered.push_back({to_rfc3339(span.start), to_rfc3339(span.end)});
  return {{"recording_id", recording_id},
          {"clip_ids", std::move(clip_ids)},
          {"covered", std::move(covered)},
          {"missing", gaps_to_json(coverage.gaps)}};
}

}  // namespace

ClipCreations::ClipCreations(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog,
                             LossLedger& losses, Inbox<Event>& inbox, const Clock& clock)
    : config_(config),
      layout_(layout),
      volume_(volume),
      catalog_(catalog),
      losses_(losses),
      inbox_(inbox),
      clock_(clock),
      jobs_("clips", kMostWaiting) {}

Answer ClipCreations::create(const ReplyTo& to, const ClipCreate& request, Camera* camera) {
  if (request.start >= request.end) return invalid("/params/end: must be later than start");
  if (request.end - request.start > kLongestWindow) return invalid("/params/end: more than 24 hours after start");
  if (request.end > clock_.utc())
    return invalid("/params/end: lies in the future; recording.start records what is to come");
  if (const auto info = camera ? camera->status().info : nullptr)
    if (const auto why = why_not_in(request.container, config_.recording.audio, *info); !why.empty())
      return messages::rejected({Code::unsupported, "/params/container: " + why});
  // Jobs are copied; what they own is not.
  const std::shared_ptr<std::unique_ptr<PastSource>> ring = std::make_shared<std::unique_ptr<PastSource>>();
  if (camera) *ring = ring_source(camera->ring(), request.start, request.end, clock_);
  const Settings settings{config_.recording.audio, config_.storage.sync_interval,
                          config_.upload.target != Config::UploadTarget::none};
  const bool queued = jobs_.submit(
      [this, to, request, settings, ring](const std::stop_token& stop) {
        inbox_.push(CommandDone{to, make(to, request, settings, std::move(*ring), stop)});
      },
      {to.command_id, [this, to] {
         inbox_.push(CommandDone{to, messages::given_up(nullptr)});
       }});
  if (!queued) return messages::rejected({Code::busy, "too many clips are to be made; try again"});
  return messages::accepted();
}

Answer ClipCreations::make(const ReplyTo& to, const ClipCreate& request, const Settings& settings,
                           std::unique_ptr<PastSource> ring, const std::stop_token& stop) {
  const RecordingSpec spec = spec_of(to, request, settings.audio);
  const RecorderContext context{
      layout_, catalog_, losses_, clock_, settings.sync_interval, mux_time_, sync_time_, settings.has_target,
      nullptr, &volume_};
  const auto held = catalog_.hold(request.camera_id, request.start, request.end, kMostClips + 1);
  if (!held) return messages::failed(held.error());
  if (held->clips.size() + held->unreadable.size() > kMostClips)
    return messages::failed({Code::invalid_argument, "/params/end: more than " + std::to_string(kMostClips) +
                                                         " clips lie in that time: ask for less of it"});
  if (auto known = catalog_.remember_recording(spec.recording_id, spec.camera_id, clock_.utc()); !known)
    return messages::failed(known.error());
  MonoTime next_told = clock_.mono() + kTellProgress;
  ClipMaker maker(spec, request.start, request.end, context, [&, made = Json::array()](RecorderReport report) mutable {
    if (report.clip) made.push_back(report.clip->clip_id);
    if (report.clip && clock_.mono() >= next_told) {
      next_told = clock_.mono() + kTellProgress;
      inbox_.push(
          CommandProgress{to, messages::in_progress({{"recording_id", spec.recording_id}, {"clip_ids", made}})});
    }
    report.recording_id.clear();  // no recording that the main loop knows of
    inbox_.push(std::move(report));
  });
  for (const Clip& clip : held->clips) maker.add(clip_source(clip, layout_, clock_.utc()));
  if (ring) maker.add(std::move(ring));
  const auto made = maker.run(stop);

  const auto lost = losses_.of_camera(request.camera_id, request.start, request.end, kMostLosses);
  if (!lost) return messages::failed(lost.error());
  std::vector<ClipSpan> spans = maker.spans();
  for (const Gap& gap : held->unreadable) spans.push_back({gap.start, gap.end, {gap}});
  const Coverage found = coverage(spans, *lost, request.start, request.end, clock_.utc());
  Json result = result_of(spec.recording_id, maker.clips(), found);
  if (!made) return messages::failed(made.error(), std::move(result));
  if (maker.clips().empty())
    return messages::failed({Code::not_found, "nothing of that time is in the ring or in a clip that can be read"},
                            std::move(result));
  return messages::succeeded(std::move(result));
}

}  // namespace vedette
