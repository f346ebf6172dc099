#include "agent/cloud_event.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/ids.h"

namespace vedette {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

OutboxEvent event(const std::string& camera_id) {
  return make_event("clip.ready", camera_id, Json::object(), UtcTime(seconds(1'795'767'089) + 123ms));
}

TEST(CloudEventTest, HasTheAttributesOfTheSpecification) {
  const OutboxEvent ready = event("front");
  const Attributes expected = {
      {"specversion", "1.0"},
      {"id", ready.id},
      {"source", "/vedette/v1/edge-01"},
      {"type", "vedette.v1.clip.ready"},
      {"time", to_rfc3339(ready.at)},
      {"dataschema", "urn:vedette:v1/event/clip.ready"},
      {"partitionkey", "edge-01/front"},
      {"subject", "front"},
  };
  EXPECT_EQ(cloud_event_attributes(ready, "vedette/v1/edge-01"), expected);
}

// An attribute that is empty would be none by the specification.
TEST(CloudEventTest, HasNoSubjectWithoutACamera) {
  for (const auto& [name, value] : cloud_event_attributes(event(""), "vedette/v1/edge-01")) {
    EXPECT_NE(name, "subject");
    EXPECT_NE(value, "");
  }
}

// Camera ids are unique on their device only: of a fleet in which each camera is "front", one key would be all of it.
TEST(CloudEventTest, PartitionKeyIsTheCameraOrTheDeviceWhereThereIsNone) {
  const auto key = [](const std::string& camera_id, const std::string& base) {
    const Attributes attributes = cloud_event_attributes(event(camera_id), base);
    return std::map<std::string, std::string>(attributes.begin(), attributes.end()).at("partitionkey");
  };
  EXPECT_EQ(key("front", "vedette/v1/edge-01"), "edge-01/front");
  EXPECT_EQ(key("front", "acme/west/v1/edge-02"), "edge-02/front");
  EXPECT_EQ(key("", "vedette/v1/edge-01"), "edge-01");
}

// A topic may hold what a URI may not.
TEST(CloudEventTest, SourceIsAUriReferenceWhateverTheTopicRootIs) {
  const Attributes attributes = cloud_event_attributes(event("front"), "acme/München 1%?x=<\"1\">/v1/edge-01");
  const std::map<std::string, std::string> by_name(attributes.begin(), attributes.end());
  EXPECT_EQ(by_name.at("source"), "/acme/M%C3%BCnchen%201%25%3Fx%3D%3C%221%22%3E/v1/edge-01");
}

}  // namespace
}  // namespace vedette
