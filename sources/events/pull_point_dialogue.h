#pragma once

#include <memory>

#include "sources/events/event_dialogue.h"

namespace vedette {

// ONVIF cameras: a subscription is made, pulled from and ended (onvif/pull_point.h), and made anew when it is lost.
Result<std::unique_ptr<EventDialogue>> make_pull_point_dialogue(const EventFeedConfig& config);

}  // namespace vedette
