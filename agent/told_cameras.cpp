#include "agent/told_cameras.h"

#include <utility>

#include "core/log.h"

namespace vedette {

namespace {

std::vector<std::string> ids_of(const Config& config) {
  std::vector<std::string> ids;
  for (const auto& [id, camera] : config.cameras) ids.push_back(id);
  return ids;
}

}  // namespace

void ToldCameras::on_connected() {
  note(ids_of(config_));
  for (const std::string& id : gone_) board_.camera_gone(id, Tell::if_changed);
}

void ToldCameras::look() {
  if (auto ids = ids_of(config_); ids != noted_) note(std::move(ids));
}

void ToldCameras::note(std::vector<std::string> configured) {
  auto gone = catalog_.note_told_cameras(configured);
  noted_ = std::move(configured);  // if not, they are at the next connect
  if (!gone) return log::warn("cameras are not noted", {{"reason", gone.error().message}});
  gone_ = std::move(*gone);
}

void ToldCameras::settle() {
  if (const auto forgotten = catalog_.forget_told_cameras(gone_); !forgotten)
    log::warn("cameras that are gone stay noted", {{"reason", forgotten.error().message}});
}

}  // namespace vedette
