#include "agent/cloud_event.h"

#include "core/text.h"

namespace vedette {

std::vector<std::pair<std::string, std::string>> cloud_event_attributes(const OutboxEvent& event,
                                                                        const std::string& base_topic) {
  std::vector<std::pair<std::string, std::string>> out = {
      {"specversion", "1.0"},
      {"id", event.id},
      {"source", "/" + percent_encode(base_topic, "/")},
      {"type", "vedette.v1." + event.type},
      {"time", to_rfc3339(event.at)},
      {"dataschema", "urn:vedette:v1/event/" + event.type},
  };
  const std::string device = base_topic.substr(base_topic.rfind('/') + 1);
  out.emplace_back("partitionkey", event.camera_id.empty() ? device : device + "/" + event.camera_id);
  if (!event.camera_id.empty()) out.emplace_back("subject", event.camera_id);
  return out;
}

}  // namespace vedette
