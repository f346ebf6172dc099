#pragma once

#include <map>
#include <memory>
#include <vector>

#include "agent/config.h"
#include "agent/event.h"
#include "core/inbox.h"
#include "sources/events/event_feed.h"

namespace vedette {

// EventFeeds asks every camera that is to tell what it notices (cameras.*.events); what they tell goes into the inbox.
// Belongs to the main loop. Configuration and inbox outlive it.
class EventFeeds {
 public:
  EventFeeds(const Config& config, Inbox<Event>& inbox, const Clock& clock)
      : config_(config), inbox_(inbox), clock_(clock) {}

  Status start_all();
  // Not when it is of a feed that has been ended since: what it says began, nobody will say is over.
  bool is_current(const CameraNoticed& noticed) const;
  // As the configuration says now: the camera is asked anew, or no more.
  Status reconfigure(const std::string& camera_id);
  // Those that were asked to stop are joined. To be called every second or so.
  void join_stopped() { stopped_.clear(); }
  void request_stop();

 private:
  const Config& config_;
  Inbox<Event>& inbox_;
  const Clock& clock_;
  struct Feed {
    uint64_t number;
    std::unique_ptr<EventFeed> feed;
  };
  std::map<std::string, Feed> feeds_;  // by camera
  uint64_t feeds_begun_ = 0;
  std::vector<std::unique_ptr<EventFeed>> stopped_;  // so that the main loop need not wait for them
};

}  // namespace vedette
