#pragma once

#include <string>
#include <utility>
#include <vector>

#include "storage/outbox.h"

namespace vedette {

// The attributes of an event by CloudEvents 1.0 (https://github.com/cloudevents/spec), as the user properties of its
// MQTT 5 message (MQTT protocol binding, binary content mode): whoever routes events reads those and no payload. The
// binding takes the content type of the message as `datacontenttype`, and all other user properties as extensions.
std::vector<std::pair<std::string, std::string>> cloud_event_attributes(const OutboxEvent& event,
                                                                        const std::string& base_topic);

}  // namespace vedette
