#include "agent/camera_images.h"

#include "core/log.h"

namespace vedette {

CameraImages::CameraImages(const Config& config, const Cameras& cameras, Snapshots& snapshots, Publisher& publisher,
                           const Clock& clock)
    : config_(config), cameras_(cameras), snapshots_(snapshots), publisher_(publisher), clock_(clock) {}

void CameraImages::take_when_due() {
  if (config_.image_interval == 0s || !publisher_.connected()) return;
  const MonoTime now = clock_.mono();
  for (const auto& [id, camera] : cameras_) {
    Camera& image = images_[id];
    if (image.taking || now < image.due || camera->status().state != CameraState::streaming) continue;
    SnapshotTake request;
    request.camera_id = id;
    request.width_px = config_.image_width_px;
    request.send_inline = false;
    ReplyTo nobody;
    nobody.received = now;
    image.due = now + config_.image_interval;
    image.taking = snapshots_.take(nobody, request, *camera).status == "accepted";
  }
}

bool CameraImages::on_taken(const SnapshotTaken& taken) {
  const bool ours = taken.reply_to.topic.empty();
  if (ours) images_[taken.request.camera_id].taking = false;
  if (config_.image_interval != 0s && taken.jpeg && !taken.request.at && !taken.on_demand) {
    const auto& bytes = taken.jpeg->bytes;
    publisher_.picture("camera/" + taken.request.camera_id + "/image",
                       {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } else if (ours && !taken.jpeg) {
    log::debug("no image of a camera", {{"camera", taken.request.camera_id}, {"reason", taken.jpeg.error().message}});
  }
  return ours;
}

}  // namespace vedette
