// The bridge to Home Assistant, played by a client that does what Home Assistant does: it takes the topics out of the
// announcement and knows nothing else.
#include <gtest/gtest.h>

#include "tests/system/rig.h"

namespace vedette::test {
namespace {

TEST(HomeAssistantBridgeTest, RecordsTakesSnapshotsAndShowsPictures) {
  Rig rig;
  rig.config()["home_assistant"] = {{"enabled", true}};
  rig.config()["telemetry"]["image_interval_s"] = 1;
  rig.config()["telemetry"]["image_width_px"] = 160;
  rig.add_camera("front", "test://pattern?size=320x240&fps=25&gop=25");
  ProbeOptions options;
  options.port = rig.broker.port();
  options.subscription = "homeassistant/#";
  MqttProbe home(options);
  rig.start();

  const auto announced = home.wait_for(
      [](const ProbeMessage& m) { return m.topic == "homeassistant/device/vedette_edge-01/config"; }, 20s);
  ASSERT_TRUE(announced);
  const Json entities = announced->json().at("components");

  const std::string image = entities.at("front_camera").at("topic");
  const auto picture = rig.probe.wait_for([&](const ProbeMessage& m) { return m.topic == image; }, 20s);
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->payload.substr(0, 2), "\xff\xd8");
  EXPECT_EQ(picture->content_type, "image/jpeg");
  write_text(rig.scratch() / "image.jpg", picture->payload);
  EXPECT_EQ(run_or_throw({"ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0",
                          (rig.scratch() / "image.jpg").string()}),
            "160,120\n");

  const Json& recording = entities.at("front_recording");
  const std::string state = recording.at("state_topic");
  const auto is_recording = [&](bool active) {
    return [&state, active](const ProbeMessage& m) {
      return m.topic == state && m.json().at("recording").at("active") == active;
    };
  };
  size_t mark = rig.probe.mark();
  ASSERT_TRUE(home.publish({.topic = recording.at("command_topic"), .payload = recording.at("payload_on")}));
  EXPECT_TRUE(rig.probe.wait_for(is_recording(true), 20s, mark));
  mark = rig.probe.mark();
  ASSERT_TRUE(home.publish({.topic = recording.at("command_topic"), .payload = recording.at("payload_off")}));
  EXPECT_TRUE(rig.probe.wait_for(is_recording(false), 20s, mark));
  EXPECT_TRUE(rig.probe.wait_for([](const ProbeMessage& m) { return m.topic.ends_with("event/clip.ready"); }, 20s));

  const Json& press = entities.at("front_snapshot");
  ASSERT_TRUE(home.publish({.topic = press.at("command_topic"), .payload = press.at("payload_press")}));
  EXPECT_TRUE(rig.probe.wait_for([](const ProbeMessage& m) { return m.topic.ends_with("event/snapshot.ready"); }, 20s));

  // Home Assistant was started anew.
  mark = home.mark();
  ASSERT_TRUE(home.publish({.topic = "homeassistant/status", .payload = "online"}));
  EXPECT_TRUE(home.wait_for([](const ProbeMessage& m) { return m.topic.ends_with("/config"); }, 20s, mark));

  // A camera comes and goes while it runs.
  const auto desire = [&](int64_t version, const Json& config) {
    const Json message = {{"v", 1}, {"version", version}, {"config", config}};
    EXPECT_TRUE(
        rig.probe.publish({.topic = "vedette/v1/edge-01/config/desired", .payload = message.dump(), .retain = true}));
  };
  // Home Assistant takes back what has its platform and nothing else.
  const auto has_button = [](bool is_there) {
    return [is_there](const ProbeMessage& m) {
      if (!m.topic.ends_with("edge-01/config")) return false;
      const Json components = m.json().at("components");
      return components.contains("side_snapshot") && components.at("side_snapshot").contains("unique_id") == is_there;
    };
  };
  mark = home.mark();
  desire(1, {{"cameras", {{"side", {{"url", "test://pattern?size=320x240&fps=25&gop=25"}}}}}});
  const auto grown = home.wait_for(has_button(true), 20s, mark);
  ASSERT_TRUE(grown);
  // It is announced before its first picture is there; the sensor of its connectivity says when.
  const std::string side = grown->json().at("components").at("side_connectivity").at("state_topic");
  ASSERT_TRUE(rig.probe.wait_for(
      [&](const ProbeMessage& m) { return m.topic == side && m.json().at("state") == "streaming"; }, 20s));
  ASSERT_TRUE(home.publish(
      {.topic = grown->json().at("components").at("side_snapshot").at("command_topic"), .payload = "PRESS"}));
  EXPECT_TRUE(rig.probe.wait_for(
      [](const ProbeMessage& m) {
        return m.topic.ends_with("event/snapshot.ready") && m.json().at("camera_id") == "side";
      },
      20s));
  mark = home.mark();
  desire(2, Json::object());
  EXPECT_TRUE(home.wait_for(has_button(false), 20s, mark));
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
