#include "agent/snapshots.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/ids.h"
#include "core/log.h"
#include "core/sha256.h"
#include "core/text.h"
#include "storage/past_frame.h"

namespace vedette {

namespace {

using messages::Answer;

constexpr size_t kMostWaiting = 64;
// In the reply as base64, which is a third longer, the picture takes at most 96 KiB.
constexpr size_t kMostInlineBytes = 96 * 1024 / 4 * 3;

std::string unavailable(const CameraStatus& status) {
  return "the camera is " + std::string(state_name(status.state)) + (status.error.empty() ? "" : ": " + status.error);
}

// The newest keyframe; of a fresh picture, one that came after the command.
std::optional<Packet> find_keyframe(const Ring& ring, const SnapshotTake& request, MonoTime received) {
  auto keyframe = ring.newest_keyframe();
  if (keyframe && request.fresh && keyframe->arrival < received) keyframe.reset();
  return keyframe;
}

// The frame at an instant of the past: out of the ring, or out of a clip.
Result<PastFrame> find_past(Ring& ring, const std::string& camera_id, UtcTime at, const Layout& layout,
                            Catalog& catalog, const Clock& clock, const std::stop_token& stop) {
  constexpr int kMostClips = 100;  // that overlap one instant
  const auto held = catalog.hold(camera_id, at, at + 1us, kMostClips);
  if (!held) return held.error_as_is();
  std::vector<std::unique_ptr<PastSource>> sources;
  if (auto source = ring_source(ring, at, at + 1us, clock)) sources.push_back(std::move(source));
  for (const Clip& clip : held->clips) sources.push_back(clip_source(clip, layout, clock.utc()));
  for (const auto& source : sources) {
    auto frame = frame_at(*source, at, stop);
    if (!frame) log::warn("a clip cannot be read", {{"camera", camera_id}, {"error", frame.error().message}});
    if (frame && *frame) return std::move(**frame);
  }
  if (!held->unreadable.empty())
    return fail(Code::unsupported, "/params/at: that instant is in a ts or flv clip only, of which no picture is made");
  return fail(Code::not_found, "/params/at: there is no picture of that instant");
}

// The instant nearest to that one of which there is a picture.
std::optional<UtcTime> nearest(const Ring& ring, const std::string& camera_id, UtcTime at, const Catalog& catalog,
                               const Clock& clock) {
  std::vector<UtcTime> near;
  ClipQuery query;
  query.camera_id = camera_id;
  query.limit = 1;
  query.from = at;
  if (const auto next = catalog.query(query); next && !next->clips.empty()) near.push_back(next->clips[0].start);
  query.from.reset();
  query.to = at;
  query.newest_first = true;
  if (const auto before = catalog.query(query); before && !before->clips.empty())
    near.push_back(before->clips[0].end.value_or(before->clips[0].start));
  const RingFigures figures = ring.figures();
  for (const auto& end : {figures.oldest, figures.newest})
    if (end) near.push_back(clock.to_utc(*end));
  const auto closer = [at](UtcTime a, UtcTime b) { return std::chrono::abs(a - at) < std::chrono::abs(b - at); };
  const auto found = std::min_element(near.begin(), near.end(), closer);
  return found == near.end() ? std::nullopt : std::optional(*found);
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

Snapshots::Snapshots(const Layout& layout, const Volume& volume, Catalog& catalog, Outbox& outbox, Inbox<Event>& inbox,
                     const Clock& clock)
    : layout_(layout),
      volume_(volume),
      catalog_(catalog),
      outbox_(outbox),
      inbox_(inbox),
      clock_(clock),
      jobs_("snapshots", kMostWaiting) {}

Answer Snapshots::take(const ReplyTo& to, const SnapshotTake& request, Camera& camera, Opened opened) {
  const CameraStatus status = camera.status();
  if (!request.at && opened == Opened::always &&
      (status.state == CameraState::disabled ||
       (status.state != CameraState::streaming && !camera.ring().figures().oldest)))
    return messages::rejected({Code::camera_unavailable, unavailable(status)});
  // `this` outlives the jobs: they are its last member. So do the cameras, which go after it.
  const auto ready = [this, request, &ring = camera.ring(), received = to.received] {
    return request.at || clock_.mono() >= received + request.timeout || find_keyframe(ring, request, received);
  };
  const bool queued = jobs_.submit_when(ready, [this, to, request, opened, &camera](const std::stop_token& stop) {
    SnapshotTaken taken;
    taken.reply_to = to;
    taken.request = request;
    taken.on_demand = opened == Opened::on_demand;
    taken.jpeg = request.at ? take_past(camera.ring(), taken, stop) : take_now(camera, taken);
    if (taken.jpeg)
      taken.sha256 = sha256_hex({reinterpret_cast<const char*>(taken.jpeg->bytes.data()), taken.jpeg->bytes.size()});
    if (taken.jpeg && request.send_upload) {
      auto upload = queue_upload(layout_, volume_, catalog_, taken, to);
      if (upload)
        taken.upload = std::move(*upload);
      else
        taken.jpeg = upload.error_as_is();
    }
    inbox_.push(std::move(taken));
  });
  if (!queued) return messages::rejected({Code::busy, "too many snapshots are waiting; try again"});
  return messages::accepted();
}

Result<Jpeg> Snapshots::take_now(Camera& camera, SnapshotTaken& taken) {
  const auto keyframe = find_keyframe(camera.ring(), taken.request, taken.reply_to.received);
  const CameraStatus status = camera.status();
  if (!keyframe && taken.on_demand && !status.error.empty()) return fail(Code::camera_unavailable, unavailable(status));
  if (!keyframe) return fail(Code::timed_out, "no keyframe came within timeout_ms");
  taken.taken_at = clock_.to_utc(keyframe->pts);
  taken.snapshot_id = new_id(taken.taken_at);
  const JpegOptions options = options_of(taken.request);
  return pictures_.get({camera.id(), taken.taken_at, options}, [&] { return jpeg_from_keyframe(*keyframe, options); });
}

Result<Jpeg> Snapshots::take_past(Ring& ring, SnapshotTaken& taken, const std::stop_token& stop) {
  const MonoTime enough = clock_.mono() + taken.request.timeout / 2;
  const UtcTime at = std::min(*taken.request.at, clock_.utc());
  const auto frame = find_past(ring, taken.request.camera_id, at, layout_, catalog_, clock_, stop);
  if (!frame) {
    taken.nearest = nearest(ring, taken.request.camera_id, at, catalog_, clock_);
    return frame.error_as_is();
  }
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

Snapshots::Reply Snapshots::finish(const SnapshotTaken& taken, bool uploaded) const {
  if (!uploaded && !taken.request.send_inline)
    return {taken.reply_to, messages::failed({Code::timed_out,
                                              "the object store has not taken the picture within timeout_ms; the "
                                              "upload goes on as " +
                                                  taken.upload->object_key})};
  const Jpeg& jpeg = *taken.jpeg;
  Json result = {{"snapshot_id", taken.snapshot_id},
                 {"taken_at", to_rfc3339(taken.taken_at)},
                 {"frame_age_ms", frame_age_ms(taken)},
                 {"width_px", jpeg.width_px},
                 {"height_px", jpeg.height_px},
                 {"size_bytes", jpeg.bytes.size()},
                 {"sha256", taken.sha256}};
  if (uploaded) result["object_key"] = taken.upload->object_key;
  if (taken.request.send_inline)
    result["image_base64"] = to_base64({reinterpret_cast<const char*>(jpeg.bytes.data()), jpeg.bytes.size()});
  return {taken.reply_to, messages::succeeded(std::move(result))};
}

void Snapshots::add_event(const SnapshotTaken& taken, int64_t age_ms) {
  Json data = {{"snapshot_id", taken.snapshot_id},
               {"taken_at", to_rfc3339(taken.taken_at)},
               {"frame_age_ms", age_ms},
               {"width_px", taken.jpeg->width_px},
               {"height_px", taken.jpeg->height_px},
               {"size_bytes", taken.jpeg->bytes.size()},
               {"sha256", taken.sha256}};
  if (taken.upload) data["object_key"] = taken.upload->object_key;
  OutboxEvent event = make_event("snapshot.ready", taken.request.camera_id, data, clock_.utc());
  event.command_id = taken.reply_to.command_id;
  event.traceparent = taken.reply_to.traceparent;
  outbox_.note(event);
}

std::optional<Snapshots::Reply> Snapshots::on_taken(SnapshotTaken taken) {
  if (!taken.jpeg && taken.nearest)
    return Reply{taken.reply_to, messages::failed(taken.jpeg.error(), {{"nearest", to_rfc3339(*taken.nearest)}})};
  if (!taken.jpeg) return Reply{taken.reply_to, messages::failed(taken.jpeg.error())};
  add_event(taken, frame_age_ms(taken));
  if (!taken.upload) return finish(taken, false);
  const MonoTime deadline = taken.reply_to.received + taken.request.timeout;
  const std::string id = taken.snapshot_id;
  uploading_.emplace(id, Pending{std::move(taken), deadline});
  return std::nullopt;
}

std::optional<Snapshots::Reply> Snapshots::on_uploaded(const UploadReport& report) {
  const auto it = uploading_.find(report.upload.subject_id);
  if (!report.done || it == uploading_.end()) return std::nullopt;
  Reply reply = finish(it->second.taken, true);
  uploading_.erase(it);
  return reply;
}

std::vector<Snapshots::Reply> Snapshots::expire() {
  std::vector<Reply> replies;
  for (auto it = uploading_.begin(); it != uploading_.end();) {
    if (clock_.mono() < it->second.deadline) {
      ++it;
      continue;
    }
    replies.push_back(finish(it->second.taken, false));
    it = uploading_.erase(it);
  }
  return replies;
}

}  // namespace vedette
