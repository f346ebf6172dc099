#pragma once

#include <memory>

#include "sources/events/event_dialogue.h"

namespace vedette {

// Cameras that tell what they notice by an HTTP answer that never ends, in parts (multipart.h). Only signs of the URL's
// channel are passed on.
Result<std::unique_ptr<EventDialogue>> make_hikvision_dialogue(const EventFeedConfig& config);
Result<std::unique_ptr<EventDialogue>> make_dahua_dialogue(const EventFeedConfig& config);

}  // namespace vedette
