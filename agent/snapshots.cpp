#include "agent/snapshots.h"

#include <nlohmann/json.hpp>

#include "core/file.h"
#include "core/ids.h"
#include "core/log.h"
#include "core/sha256.h"
#include "core/text.h"

namespace vedette {

namespace {

using messages::Answer;

constexpr size_t kMostWaiting = 64;
// In the reply as base64, which is a third longer, the picture takes at most 96 KiB.
constexpr size_t kMostInlineBytes = 96 * 1024 / 4 * 3;

Result<Packet> find_keyframe(const Ring& ring, const SnapshotTake& request, const Clock& clock,
                             const std::stop_token& stop) {
  const MonoTime deadline = clock.mono() + request.timeout;
  std::optional<Packet> keyframe;
  if (request.at) {
    keyframe = ring.keyframe_at(clock.to_mono(*request.at));
    if (!keyframe) return fail(Code::out_of_buffer, "/params/at: the ring does not reach back so far");
  } else if (!request.fresh) {
    keyframe = ring.newest_keyframe();
  }
  if (!keyframe) keyframe = ring.next_keyframe(deadline, stop);
  if (!keyframe) return fail(Code::timed_out, "no keyframe came within timeout_ms");
  return *keyframe;
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

Answer Snapshots::take(const ReplyTo& to, const SnapshotTake& request, Camera& camera) {
  const CameraStatus status = camera.status();
  if (status.state == CameraState::disabled ||
      (status.state != CameraState::streaming && !camera.ring().figures().oldest))
    return messages::rejected({Code::camera_unavailable, "the camera is " + std::string(state_name(status.state)) +
                                                             (status.error.empty() ? "" : ": " + status.error)});
  // `this` outlives the jobs: they are its last member. So do the cameras, which go after it.
  const bool queued = jobs_.submit([this, to, request, &ring = camera.ring()](const std::stop_token& stop) {
    SnapshotTaken taken;
    taken.reply_to = to;
    taken.request = request;
    taken.jpeg = [&]() -> Result<Jpeg> {
      const auto keyframe = find_keyframe(ring, request, clock_, stop);
      if (!keyframe) return keyframe.error_as_is();
      taken.frame_pts = keyframe->pts;
      taken.taken_at = clock_.to_utc(keyframe->pts);
      taken.snapshot_id = new_id(taken.taken_at);
      return jpeg_from_keyframe(*keyframe,
                                {request.width_px, request.quality, request.send_inline ? kMostInlineBytes : 0});
    }();
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

int64_t Snapshots::frame_age_ms(const SnapshotTaken& taken) const {
  return std::max<int64_t>(0, to_ms(clock_.mono() - taken.frame_pts));
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
