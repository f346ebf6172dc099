#include "agent/event_feeds.h"

#include "agent/from_config.h"

namespace vedette {

Result<std::vector<std::unique_ptr<EventFeed>>> start_event_feeds(const Config& config, Inbox<Event>& inbox,
                                                                  const Clock& clock) {
  std::vector<std::unique_ptr<EventFeed>> feeds;
  for (const auto& [id, camera] : config.cameras) {
    if (!camera.events || !camera.enabled) continue;
    auto feed = EventFeed::start(
        event_feed_config(id, camera),
        [&inbox](const std::string& camera_id, const CameraEvent& event) {
          inbox.push(CameraNoticed{camera_id, event});
        },
        clock);
    if (!feed) return feed.error_with("/cameras/" + id + "/events");
    feeds.push_back(std::move(*feed));
  }
  return feeds;
}

}  // namespace vedette
