#include "agent/home_assistant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/command.h"
#include "tests/support/fake_clock.h"

namespace vedette {
namespace {

const UtcTime kNow = *from_rfc3339("2026-11-20T08:31:29.123Z");

class HomeAssistantTest : public testing::Test {
 protected:
  HomeAssistantTest() {
    config.device_id = "edge-01";
    config.home_assistant.enabled = true;
    config.image_interval = 10s;
    config.cameras["front"].url = "rtsp://10.0.0.5/1";
    config.cameras["gate"].url = "rtsp://10.0.0.6/1";
    config.cameras["gate"].record = Config::Record::continuous;
    config.cameras["old"].enabled = false;
  }
  HomeAssistant::Heard hear(const std::string& topic, const std::string& payload, bool retained = false) const {
    mqtt::Message message;
    message.topic = topic;
    message.payload = payload;
    return HomeAssistant(config).hear(message, retained, kNow);
  }
  // The command that it stands for, as the agent reads it.
  std::optional<Request> request_of(const std::string& topic, const std::string& payload) const {
    const auto heard = hear(topic, payload);
    if (!heard.command) return std::nullopt;
    const std::string prefix = "vedette/v1/edge-01/command/";
    EXPECT_TRUE(heard.command->topic.starts_with(prefix));
    const Decoded decoded = decode_command(*heard.command, false, heard.command->topic.substr(prefix.size()),
                                           "vedette/v1/edge-01", test::FakeClock(kNow));
    EXPECT_EQ(decoded.reply_to.actor, "home-assistant");
    EXPECT_FALSE(decoded.reply_to.command_id.empty());
    EXPECT_TRUE(std::holds_alternative<Request>(decoded.content)) << heard.command->payload;
    return std::get<Request>(decoded.content);
  }
  Config config;
};

TEST_F(HomeAssistantTest, WhatItSendsBecomesCommands) {
  const auto start = request_of("vedette/v1/edge-01/ha/front/recording/set", "ON");
  ASSERT_TRUE(start && std::holds_alternative<RecordingStart>(*start));
  EXPECT_EQ(std::get<RecordingStart>(*start).camera_id, "front");
  const auto stop = request_of("vedette/v1/edge-01/ha/front/recording/set", "OFF");
  ASSERT_TRUE(stop && std::holds_alternative<RecordingStop>(*stop));
  EXPECT_EQ(std::get<RecordingStop>(*stop).camera_id, "front");
  const auto press = request_of("vedette/v1/edge-01/ha/gate/snapshot/press", "PRESS");
  ASSERT_TRUE(press && std::holds_alternative<SnapshotTake>(*press));
  EXPECT_TRUE(std::get<SnapshotTake>(*press).send_upload);
  config.upload.target = Config::UploadTarget::none;
  EXPECT_FALSE(std::get<SnapshotTake>(*request_of("vedette/v1/edge-01/ha/gate/snapshot/press", "PRESS")).send_upload);
}

TEST_F(HomeAssistantTest, NothingElseDoes) {
  for (const auto& [topic, payload] :
       std::vector<std::pair<std::string, std::string>>{{"ha/front/recording/set", "on"},
                                                        {"ha/front/recording/set", ""},
                                                        {"ha/front/recording/set", std::string(100'000, 'x')},
                                                        {"ha/front/recording", "ON"},
                                                        {"ha/front/recording/set/x", "ON"},
                                                        {"ha/front/snapshot/set", "PRESS"},
                                                        {"ha/gate/recording/set", "ON"},  // is recorded all the time
                                                        {"ha/old/recording/set", "ON"},
                                                        {"ha/nobody/recording/set", "ON"},
                                                        {"ha/../recording/set", "ON"},
                                                        {"command/recording.start", "ON"}})
    EXPECT_FALSE(hear("vedette/v1/edge-01/" + topic, payload).command) << topic;
  EXPECT_FALSE(hear("vedette/v1/edge-01/ha/front/recording/set", "ON", true).command) << "a retained word is old";
  EXPECT_FALSE(hear("vedette/v1/edge-02/ha/front/recording/set", "ON").command);
  config.home_assistant.enabled = false;
  EXPECT_FALSE(hear("vedette/v1/edge-01/ha/front/recording/set", "ON").command);
  EXPECT_TRUE(HomeAssistant(config).subscriptions().empty());
}

TEST_F(HomeAssistantTest, IsToldAnewWhenItCameUp) {
  EXPECT_TRUE(hear("homeassistant/status", "online").came_up);
  EXPECT_TRUE(hear("homeassistant/status", "online", true).came_up);
  EXPECT_FALSE(hear("homeassistant/status", "offline").came_up);
  config.home_assistant.discovery_prefix = "ha/discovery";
  EXPECT_FALSE(hear("homeassistant/status", "online").came_up);
  EXPECT_TRUE(hear("ha/discovery/status", "online").came_up);
}

// What Home Assistant's documentation of MQTT discovery says of the platforms that are used: what must be there, and
// what may be.
const std::set<std::string> kOfAll = {"platform", "unique_id", "name", "icon", "entity_category", "device_class"};
const std::map<std::string, std::pair<std::set<std::string>, std::set<std::string>>> kPlatforms = {
    {"binary_sensor", {{"state_topic"}, {"value_template"}}},
    {"sensor", {{"state_topic"}, {"value_template", "unit_of_measurement", "state_class"}}},
    {"switch", {{"command_topic"}, {"state_topic", "value_template", "payload_on", "payload_off"}}},
    {"button", {{"command_topic"}, {"payload_press"}}},
    {"camera", {{"topic"}, {}}},
};

TEST_F(HomeAssistantTest, TheAnnouncementIsAsItsDocumentationHasIt) {
  const mqtt::Message message = HomeAssistant(config).announcement();
  EXPECT_EQ(message.topic, "homeassistant/device/vedette_edge-01/config");
  EXPECT_TRUE(message.retain);
  const Json body = Json::parse(message.payload);
  EXPECT_EQ(body.at("device").at("identifiers"), Json::array({"vedette_edge-01"}));
  EXPECT_EQ(body.at("origin").at("name"), "vedette") << "is required for a device";
  ASSERT_EQ(body.at("availability").size(), 1u);
  EXPECT_EQ(body.at("availability")[0].at("topic"), "vedette/v1/edge-01/status");
  std::set<std::string> ids;
  for (const auto& [key, entity] : body.at("components").items()) {
    SCOPED_TRACE(key);
    const auto platform = kPlatforms.find(entity.at("platform"));
    ASSERT_NE(platform, kPlatforms.end());
    const auto& [required, optional] = platform->second;
    for (const std::string& member : required) EXPECT_TRUE(entity.contains(member)) << member;
    for (const auto& [member, value] : entity.items()) {
      EXPECT_TRUE(kOfAll.contains(member) || required.contains(member) || optional.contains(member)) << member;
      if (member.ends_with("topic")) {
        EXPECT_TRUE(value.get<std::string>().starts_with("vedette/v1/edge-01/")) << value;
      }
    }
    EXPECT_TRUE(ids.insert(entity.at("unique_id")).second) << "unique_id is not unique";
  }
  const Json& components = body.at("components");
  EXPECT_EQ(components.at("front_recording").at("platform"), "switch");
  EXPECT_EQ(components.at("gate_is_recording").at("platform"), "binary_sensor");
  EXPECT_EQ(components.at("front_camera").at("topic"), "vedette/v1/edge-01/camera/front/image");
  EXPECT_FALSE(components.contains("old_recording"));
  config.image_interval = 0s;
  EXPECT_FALSE(Json::parse(HomeAssistant(config).announcement().payload).at("components").contains("front_camera"));
}

TEST_F(HomeAssistantTest, FollowsTheConfigurationAndTakesBackWhatWent) {
  HomeAssistant bridge(config);
  const auto components = [&](const std::vector<std::string>& gone = {}) {
    return Json::parse(bridge.announcement(gone).payload).at("components");
  };
  EXPECT_FALSE(bridge.follow_config());
  const Json before = components();
  config.cameras.erase("gate");
  config.cameras["front"].record = Config::Record::continuous;
  config.cameras["old"].enabled = true;
  config.image_interval = 0s;
  ASSERT_TRUE(bridge.follow_config());
  EXPECT_FALSE(bridge.follow_config());
  const Json after = components();
  // By its platform alone, as the documentation has it.
  EXPECT_EQ(after.at("gate_connectivity"), Json({{"platform", "binary_sensor"}}));
  EXPECT_EQ(after.at("gate_camera"), Json({{"platform", "camera"}}));
  EXPECT_EQ(after.at("front_camera"), Json({{"platform", "camera"}}));
  EXPECT_EQ(after.at("front_recording"), Json({{"platform", "switch"}}));
  EXPECT_EQ(after.at("front_is_recording").at("platform"), "binary_sensor");
  EXPECT_EQ(after.at("old_recording").at("platform"), "switch");
  for (const auto& [key, entity] : before.items()) {
    ASSERT_TRUE(after.contains(key)) << key;
    EXPECT_EQ(after.at(key).at("platform"), entity.at("platform")) << key << " would be there twice";
  }
  mqtt::Message press;
  press.topic = "vedette/v1/edge-01/ha/old/snapshot/press";
  press.payload = "PRESS";
  EXPECT_TRUE(bridge.hear(press, false, kNow).command);
  press.topic = "vedette/v1/edge-01/ha/gate/snapshot/press";
  EXPECT_FALSE(bridge.hear(press, false, kNow).command);

  config.cameras["gate"].url = "rtsp://10.0.0.6/1";
  ASSERT_TRUE(bridge.follow_config());
  EXPECT_TRUE(components().at("gate_connectivity").contains("unique_id"));

  const Json with_gone = components({"door", "front"});
  EXPECT_EQ(with_gone.at("door_recording"), Json({{"platform", "switch"}}));
  EXPECT_EQ(with_gone.at("door_is_recording"), Json({{"platform", "binary_sensor"}}));
  EXPECT_TRUE(with_gone.at("front_connectivity").contains("unique_id"));
}

}  // namespace
}  // namespace vedette
