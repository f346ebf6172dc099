#include "agent/snapshots.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/past_pictures.h"
#include "core/file.h"
#include "core/ids.h"
#include "core/sha256.h"
#include "core/text.h"

namespace vedette {

namespace {

using messages::Answer;

constexpr size_t kMostWaiting = 64;
// In the reply as base64, which is a third longer, the picture takes at most 96 KiB.
constexpr size_t kMostInlineBytes = 96 * 1024 / 4 * 3;

// A request ends at its deadline by itself, unless it waits behind another one.
constexpr microseconds kLate = 500ms;

std::string unavailable(const CameraStatus& status) {
  return "the camera is " + std::string(state_name(status.state)) + (status.error.empty() ? "" : ": " + status.error);
}

// The newest keyframe; of a fresh picture, one that came after the command.
std::optional<Packet> find_keyframe(const Ring& ring, const SnapshotTake& request, MonoTime received) {
  auto keyframe = ring.newest_keyframe();
  if (keyframe && request.fresh && keyframe->arrival < received) keyframe.reset();
  return keyframe;
}

JpegOptions options_of(const SnapshotTake& request) {
  return {request.width_px, request.quality, request.send_inline ? kMostInlineBytes : 0};
}

// Writes the picture durably and enters its upload.
Result<Upload> queue_upload(const Layout& layout, const Volume& volume, Catalog& catalog, const SnapshotTaken& taken,
                            const ReplyTo& to) {
  if (auto there = volume.check(); !there) return there.error_as_is();
  Upload upload;
  upload.kind = "snapshot";
  upload.subject_id = taken.snapshot_id;
  upload.camera_id = taken.request.camera_id;
  upload.path = Layout::snapshot_path(upload.camera_id, taken.snapshot_id, taken.taken_at);
  upload.object_key = layout.snapshot_key(upload.camera_id, taken.snapshot_id, taken.taken_at);
  upload.content_type = "image/jpeg";
  upload.size_bytes = static_cast<int64_t>(taken.jpeg->bytes.size());
  upload.sha256 = taken.sha256;
  upload.start = upload.end = taken.taken_at;
  upload.priority = Priority::high;
  upload.command_id = to.command_id;
  upload.traceparent = to.traceparent;
  const auto path = layout.absolute(upload.path);
  if (auto made = file::make_directories(path.parent_path()); !made) return made.error_as_is();
  const auto& bytes = taken.jpeg->bytes;
  if (auto written = file::write_atomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      !written)
    return written.error_as_is();
  return catalog.add_upload(upload);
}

}  // namespace

Snapshots::Snapshots(const Config& config, const Layout& layout, const Volume& volume, Catalog& catalog, Outbox& outbox,
                     Inbox<Event>& inbox, const Clock& clock)
    : config_(config),
      layout_(layout),
      volume_(volume),
      catalog_(catalog),
      outbox_(outbox),
      inbox_(inbox),
      clock_(clock),
      jobs_("snapshots", kMostWaiting),
      camera_pictures_(config, clock) {}

void Snapshots::request_stop() {
  camera_pictures_.request_stop();
  jobs_.request_stop();
}

Result<SnapshotOrigin> Snapshots::origin_of(const SnapshotTake& request, Camera& camera,
                                            Config::Profile profile) const {
  const CameraStatus status = camera.status();
  StreamNow stream{status.state, status.error, {}, false};
  if (const auto keyframe = camera.ring().newest_keyframe()) stream.keyframe_age = clock_.mono() - keyframe->arrival;
  stream.makes_pictures = CameraPictures::makes_pictures(config_.cameras.at(request.camera_id), profile);
  return choose_origin(request, stream);
}

Answer Snapshots::take(const ReplyTo& to, const SnapshotTake& request, Camera& camera, Opened opened) {
  const CameraStatus status = camera.status();
  if (!request.at && opened == Opened::always &&
      (status.state == CameraState::disabled ||
       (status.state != CameraState::streaming && !camera.ring().figures().oldest)))
    return messages::rejected({Code::camera_unavailable, unavailable(status)});
  // `this` outlives the jobs, which are among its last members. So do the cameras, which go after it.
  const auto ready = [this, request, &ring = camera.ring(), received = to.received] {
    return request.at || clock_.mono() >= received + request.timeout || find_keyframe(ring, request, received);
  };
  SnapshotTaken wanted;
  wanted.reply_to = to;
  wanted.request = request;
  wanted.on_demand = opened == Opened::on_demand;
  const auto job = [this, wanted, &camera](const std::stop_token& stop) {
    SnapshotTaken taken = wanted;
    taken.jpeg = stop.stop_requested() ? fail(Code::cancelled, "it was given up before it was done")
                 : taken.request.at    ? take_past(camera.ring(), taken, stop)
                                       : take_now(camera, taken);
    complete(std::move(taken));
  };
  const auto dropped = [this, wanted] {
    SnapshotTaken taken = wanted;
    taken.jpeg = fail(Code::cancelled, "it was given up before it was done");
    inbox_.push(std::move(taken));
  };
  const bool queued = jobs_.submit_when(ready, job, {to.command_id, dropped});
  if (!queued) return messages::rejected({Code::busy, "too many snapshots are waiting; try again"});
  return messages::accepted();
}

Answer Snapshots::fetch(const ReplyTo& to, const SnapshotTake& request, Camera& camera, Config::Profile profile) {
  const SharedPicture::Wish wish{to.received, request.fresh, to.received + request.timeout};
  const std::string key = camera.id() + " itself, " + std::string(profile_name(profile));
  const Config::Profile recorded = config_.cameras.at(camera.id()).record_profile;
  const auto done = [this, to, request, key, recorded, &camera](const Result<CameraShot>& shot) {
    SnapshotTaken taken;
    taken.reply_to = to;
    taken.request = request;
    taken.fetched = true;
    const bool queued = jobs_.submit([this, taken, key, shot, recorded, &camera](const std::stop_token&) mutable {
      taken.jpeg = shot ? take_fetched(*shot, key, taken) : shot.error_as_is();
      if (!taken.jpeg) taken.jpeg = take_old(camera, recorded, taken, taken.jpeg.error());
      complete(std::move(taken));
    });
    if (queued) return;
    taken.jpeg = fail(Code::busy, "too many snapshots are waiting; try again");
    inbox_.push(std::move(taken));
  };
  if (const auto begun = camera_pictures_.fetch(request.camera_id, profile, wish, done); !begun)
    return messages::rejected(begun.error());
  fetching_.emplace(to.command_id, Fetching{to, wish.deadline});
  return messages::accepted();
}

void Snapshots::complete(SnapshotTaken taken) {
  if (taken.jpeg)
    taken.sha256 = sha256_hex({reinterpret_cast<const char*>(taken.jpeg->bytes.data()), taken.jpeg->bytes.size()});
  if (taken.jpeg && taken.request.send_upload) {
    auto upload = queue_upload(layout_, volume_, catalog_, taken, taken.reply_to);
    if (upload)
      taken.upload = std::move(*upload);
    else
      taken.jpeg = upload.error_as_is();
  }
  inbox_.push(std::move(taken));
}

Result<Jpeg> Snapshots::take_now(Camera& camera, SnapshotTaken& taken) {
  const auto keyframe = find_keyframe(camera.ring(), taken.request, taken.reply_to.received);
  const CameraStatus status = camera.status();
  if (!keyframe && taken.on_demand && !status.error.empty()) return fail(Code::camera_unavailable, unavailable(status));
  if (!keyframe) return fail(Code::timed_out, "no keyframe came within timeout_ms");
  return take_keyframe(camera, *keyframe, taken);
}

Result<Jpeg> Snapshots::take_keyframe(const Camera& camera, const Packet& keyframe, SnapshotTaken& taken) {
  taken.origin = SnapshotOrigin::ring;
  taken.taken_at = clock_.to_utc(keyframe.pts);
  taken.snapshot_id = new_id(taken.taken_at);
  const JpegOptions options = options_of(taken.request);
  return pictures_.get({camera.id(), taken.taken_at, options}, [&] { return jpeg_from_keyframe(keyframe, options); });
}

Result<Jpeg> Snapshots::take_fetched(const CameraShot& shot, const std::string& key, SnapshotTaken& taken) {
  taken.origin = SnapshotOrigin::camera;
  taken.taken_at = clock_.to_utc(shot.arrived);
  taken.snapshot_id = new_id(taken.taken_at);
  const JpegOptions options = options_of(taken.request);
  const std::span bytes(reinterpret_cast<const uint8_t*>(shot.jpeg->data()), shot.jpeg->size());
  auto jpeg = pictures_.get({key, taken.taken_at, options}, [&] { return jpeg_from_jpeg(bytes, options); });
  if (jpeg || jpeg.error().code != Code::unsupported) return jpeg;
  return fail(Code::camera_unavailable, "what the camera sends is no good: " + jpeg.error().message);
}

// Where nothing was said of the origin, a picture of before the stream went down is better than none.
Result<Jpeg> Snapshots::take_old(Camera& camera, Config::Profile recorded, SnapshotTaken& taken,
                                 const Error& why_not_new) {
  if (taken.request.origin == SnapshotTake::Origin::camera) return tl::make_unexpected(why_not_new);
  std::optional<Packet> keyframe;
  if (taken.request.profile.value_or(recorded) == recorded)
    keyframe = find_keyframe(camera.ring(), taken.request, taken.reply_to.received);
  if (keyframe) return take_keyframe(camera, *keyframe, taken);
  return fail(why_not_new.code, unavailable(camera.status()) + "; its own picture: " + why_not_new.message);
}

Result<Jpeg> Snapshots::take_past(Ring& ring, SnapshotTaken& taken, const std::stop_token& stop) {
  const MonoTime enough = clock_.mono() + taken.request.timeout / 2;
  const UtcTime at = std::min(*taken.request.at, clock_.utc());
  const auto found = find_past(ring, taken.request, at, layout_, catalog_, clock_, stop);
  if (!found) {
    taken.nearest = nearest_past(ring, taken.request.camera_id, at, catalog_, clock_);
    return found.error_as_is();
  }
  const PastFrame* const frame = &found->frame;
  taken.origin = found->origin;
  taken.taken_at = frame->shown_at;
  taken.snapshot_id = new_id(taken.taken_at);
  const JpegOptions options = options_of(taken.request);
  auto jpeg = pictures_.get({taken.request.camera_id, taken.taken_at, options},
                            [&] { return jpeg_from_last(frame->packets, enough, options); });
  if (jpeg || jpeg.error().code != Code::timed_out) return jpeg;
  // So long a GOP that it is not decoded in time: its beginning is better than nothing.
  taken.taken_at -= frame->packets.back().pts - frame->packets.front().pts;
  return jpeg_from_keyframe(frame->packets.front(), options);
}

int64_t Snapshots::frame_age_ms(const SnapshotTaken& taken) const {
  return std::max<int64_t>(0, to_ms(clock_.utc() - taken.taken_at));
}

Json Snapshots::result_of(const SnapshotTaken& taken, bool uploaded) const {
  const Jpeg& jpeg = *taken.jpeg;
  Json result = {{"snapshot_id", taken.snapshot_id},    {"taken_at", to_rfc3339(taken.taken_at)},
                 {"origin", origin_name(taken.origin)}, {"frame_age_ms", frame_age_ms(taken)},
                 {"width_px", jpeg.width_px},           {"height_px", jpeg.height_px},
                 {"size_bytes", jpeg.bytes.size()},     {"sha256", taken.sha256}};
  if (uploaded) result["object_key"] = taken.upload->object_key;
  if (taken.request.send_inline)
    result["image_base64"] = to_base64({reinterpret_cast<const char*>(jpeg.bytes.data()), jpeg.bytes.size()});
  return result;
}

Snapshots::Reply Snapshots::finish(const SnapshotTaken& taken, bool uploaded) const {
  if (!uploaded && !taken.request.send_inline)
    return {taken.reply_to, messages::failed({Code::timed_out,
                                              "the object store has not taken the picture within timeout_ms; the "
                                              "upload goes on as " +
                                                  taken.upload->object_key})};
  return {taken.reply_to, messages::succeeded(result_of(taken, uploaded))};
}

// Nobody waits for the upload any more; it goes on.
Snapshots::Reply Snapshots::give_up(const SnapshotTaken& taken) const {
  return {taken.reply_to, messages::given_up(result_of(taken, taken.upload.has_value()))};
}

void Snapshots::add_event(const SnapshotTaken& taken, int64_t age_ms) {
  Json data = {{"snapshot_id", taken.snapshot_id},       {"taken_at", to_rfc3339(taken.taken_at)},
               {"origin", origin_name(taken.origin)},    {"frame_age_ms", age_ms},
               {"width_px", taken.jpeg->width_px},       {"height_px", taken.jpeg->height_px},
               {"size_bytes", taken.jpeg->bytes.size()}, {"sha256", taken.sha256}};
  if (taken.upload) data["object_key"] = taken.upload->object_key;
  OutboxEvent event = make_event("snapshot.ready", taken.request.camera_id, data, clock_.utc());
  event.command_id = taken.reply_to.command_id;
  event.traceparent = taken.reply_to.traceparent;
  outbox_.note(event);
}

std::optional<Snapshots::Reply> Snapshots::on_taken(SnapshotTaken taken) {
  const bool cancelled = cancelled_.erase(taken.reply_to.command_id) > 0;
  if (taken.fetched && fetching_.erase(taken.reply_to.command_id) == 0) {  // too late: it was answered
    if (taken.jpeg) add_event(taken, frame_age_ms(taken));
    return std::nullopt;
  }
  if (!taken.jpeg && taken.nearest)
    return Reply{taken.reply_to, messages::failed(taken.jpeg.error(), {{"nearest", to_rfc3339(*taken.nearest)}})};
  if (!taken.jpeg) return Reply{taken.reply_to, messages::failed(taken.jpeg.error())};
  add_event(taken, frame_age_ms(taken));
  if (cancelled && taken.upload) return give_up(taken);
  if (!taken.upload) return finish(taken, false);
  const MonoTime deadline = taken.reply_to.received + taken.request.timeout;
  const std::string id = taken.snapshot_id;
  Reply reply{taken.reply_to, messages::in_progress({{"snapshot_id", id},
                                                     {"taken_at", to_rfc3339(taken.taken_at)},
                                                     {"object_key", taken.upload->object_key}})};
  uploading_.emplace(id, Pending{std::move(taken), deadline, false});
  return reply;
}

std::optional<Snapshots::Reply> Snapshots::on_uploaded(const UploadReport& report) {
  const auto it = uploading_.find(report.upload.subject_id);
  if (!report.done || it == uploading_.end()) return std::nullopt;
  Reply reply = finish(it->second.taken, true);
  uploading_.erase(it);
  return reply;
}

bool Snapshots::cancel(const std::string& command_id) {
  if (jobs_.cancel(command_id)) {
    cancelled_.insert(command_id);  // it may be done with the picture all the same
    return true;
  }
  if (const auto it = fetching_.find(command_id); it != fetching_.end()) {
    it->second.deadline = clock_.mono() - kLate;
    return true;
  }
  const auto it = std::find_if(uploading_.begin(), uploading_.end(), [&](const auto& pending) {
    return pending.second.taken.reply_to.command_id == command_id;
  });
  if (it == uploading_.end()) return false;
  it->second.deadline = clock_.mono();
  it->second.cancelled = true;
  return true;
}

std::vector<Snapshots::Reply> Snapshots::expire() {
  camera_pictures_.forget_old();
  std::vector<Reply> replies;
  for (auto it = fetching_.begin(); it != fetching_.end();) {
    if (clock_.mono() < it->second.deadline + kLate) {
      ++it;
      continue;
    }
    replies.push_back(
        {it->second.to, messages::failed({Code::timed_out, "the camera's picture did not come in time"})});
    it = fetching_.erase(it);
  }
  for (auto it = uploading_.begin(); it != uploading_.end();) {
    if (clock_.mono() < it->second.deadline) {
      ++it;
      continue;
    }
    const Pending& pending = it->second;
    replies.push_back(pending.cancelled ? give_up(pending.taken) : finish(pending.taken, false));
    it = uploading_.erase(it);
  }
  return replies;
}

}  // namespace vedette
