#include "agent/event_feeds.h"

#include "agent/from_config.h"

namespace vedette {

Status EventFeeds::start_all() {
  for (const auto& [id, camera] : config_.cameras)
    if (auto started = reconfigure(id); !started) return started.error_as_is();
  return {};
}

Status EventFeeds::reconfigure(const std::string& camera_id) {
  if (const auto old = feeds_.find(camera_id); old != feeds_.end()) {
    old->second.feed->request_stop();
    stopped_.push_back(std::move(old->second.feed));
    feeds_.erase(old);
  }
  const auto camera = config_.cameras.find(camera_id);
  if (camera == config_.cameras.end() || !camera->second.events || !camera->second.enabled) return {};
  auto feed = EventFeed::start(
      event_feed_config(camera_id, camera->second),
      [&inbox = inbox_, number = ++feeds_begun_](const std::string& id, const CameraEvent& event) {
        inbox.push(CameraNoticed{id, event, number});
      },
      clock_);
  if (!feed) return feed.error_with("/cameras/" + camera_id + "/events");
  feeds_[camera_id] = {feeds_begun_, std::move(*feed)};
  return {};
}

bool EventFeeds::is_current(const CameraNoticed& noticed) const {
  const auto it = feeds_.find(noticed.camera_id);
  return it != feeds_.end() && it->second.number == noticed.feed;
}

void EventFeeds::request_stop() {
  for (auto& [id, one] : feeds_) one.feed->request_stop();
}

}  // namespace vedette
