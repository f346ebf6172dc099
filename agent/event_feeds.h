#pragma once

#include <memory>
#include <vector>

#include "agent/config.h"
#include "agent/event.h"
#include "core/inbox.h"
#include "sources/events/event_feed.h"

namespace vedette {

// Asks every camera that is to tell what it notices (cameras.*.events); what they tell goes into the inbox, which
// outlives the feeds.
Result<std::vector<std::unique_ptr<EventFeed>>> start_event_feeds(const Config& config, Inbox<Event>& inbox,
                                                                  const Clock& clock);

}  // namespace vedette
