#include "agent/camera_pictures.h"

#include "agent/from_config.h"
#include "sources/pictures/camera_picture.h"

namespace vedette {

namespace {

constexpr size_t kMostWaiting = 64;  // for one device
constexpr microseconds kHeldFor = 5s;

// Cameras of Dahua refuse pictures that are asked for one right after the other (some any within 7 s).
microseconds pause_of(CameraMaker maker) {
  return maker == CameraMaker::dahua ? 1s : 0s;
}

}  // namespace

bool CameraPictures::makes_pictures(const Config::Camera& camera, Config::Profile profile) {
  return has_camera_http(profile == Config::Profile::sub && camera.sub ? camera.sub->url : camera.url);
}

Result<CameraPictures::One*> CameraPictures::find(const std::string& camera_id, Config::Profile profile) {
  const auto known = pictures_.find({camera_id, profile});
  if (known != pictures_.end()) return &known->second;
  const CameraHttpConfig http = camera_http_config(config_.cameras.at(camera_id), profile);
  const auto where = CameraHttp::of(http);
  if (!where) return where.error_as_is();
  const std::string address = where->address().authority();
  auto& account = accounts_[address + " " + where->username()];
  if (!account) account = std::make_shared<CameraAccount>();
  auto made = CameraPicture::of(http, account);
  if (!made) return made.error_as_is();
  auto& device = devices_[address];
  if (!device) device = std::make_unique<Jobs>("pictures", kMostWaiting);
  const microseconds pause = pause_of(made->camera().maker());
  auto camera = std::make_shared<CameraPicture>(std::move(*made));
  auto picture = std::make_shared<SharedPicture>(
      [camera](MonoTime deadline, const std::stop_token& stop) { return camera->fetch(deadline, stop); }, pause,
      clock_);
  return &pictures_.emplace(std::pair(camera_id, profile), One{std::move(picture), device.get(), {}}).first->second;
}

Status CameraPictures::fetch(const std::string& camera_id, Config::Profile profile, const SharedPicture::Wish& wish,
                             Done done) {
  const auto one = find(camera_id, profile);
  if (!one) return one.error_as_is();
  const bool queued =
      (*one)->device->submit([picture = (*one)->picture, wish, done = std::move(done)](const std::stop_token& stop) {
        const auto shot = picture->get(wish, stop);
        if (!stop.stop_requested()) done(shot);
      });
  if (!queued) return fail(Code::busy, "too many wait for a picture of this camera; try again");
  (*one)->asked = clock_.mono();
  (*one)->may_be_held = true;
  return {};
}

void CameraPictures::forget_old() {
  for (auto& [id, one] : pictures_)
    if (one.may_be_held && clock_.mono() - one.asked > kHeldFor)
      one.may_be_held = !one.device->submit([picture = one.picture](const std::stop_token&) { picture->forget(); });
}

void CameraPictures::forget(const std::string& camera_id) {
  std::erase_if(pictures_, [&](const auto& one) { return one.first.first == camera_id; });
}

void CameraPictures::request_stop() {
  for (auto& [address, device] : devices_) device->request_stop();
}

}  // namespace vedette
