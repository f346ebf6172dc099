// Events as CloudEvents: what another MQTT client reads of them on the wire.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "tests/system/rig.h"

namespace vedette::test {
namespace {

const std::string kEvents = std::string("vedette/v1/") + Rig::kDevice + "/event/#";
constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// One event as mosquitto_sub shows it.
struct Shown {
  std::string topic;
  std::string content_type;
  std::map<std::string, std::string> attributes;
  Json payload;
};

class CloudEventsTest : public testing::Test {
 protected:
  // mosquitto_sub, subscribed.
  std::unique_ptr<Process> subscriber(const std::string& version, const std::string& format) {
    auto out = std::make_unique<Process>(std::vector<std::string>{"stdbuf", "-oL", "mosquitto_sub", "--debug", "-p",
                                                                  std::to_string(rig.broker.port()), "-V", version,
                                                                  "-q", "1", "-t", kEvents, "-F", format});
    EXPECT_TRUE(out->wait_for_output("Subscribed (mid: 1): 1", Rig::kLimit)) << out->output();
    return out;
  }
  // Those with the mark in front; none of our values holds a blank, which is what mosquitto_sub puts between two.
  static std::vector<Shown> shown(const Process& subscriber) {
    std::vector<Shown> out;
    std::istringstream lines(subscriber.output());
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("EVENT\t")) continue;
      std::istringstream parts(line);
      std::string mark, properties, payload;
      Shown one;
      std::getline(parts, mark, '\t');
      std::getline(parts, one.topic, '\t');
      std::getline(parts, one.content_type, '\t');
      std::getline(parts, properties, '\t');
      std::getline(parts, payload);
      one.payload = Json::parse(payload, nullptr, false);
      std::istringstream pairs(properties);
      for (std::string pair; pairs >> pair;) {
        const size_t colon = pair.find(':');
        EXPECT_TRUE(one.attributes.emplace(pair.substr(0, colon), pair.substr(colon + 1)).second) << properties;
      }
      out.push_back(std::move(one));
    }
    return out;
  }

  Rig rig;
};

TEST_F(CloudEventsTest, EveryEventOnTheWireIsOne) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10");
  rig.config()["upload"] = {{"target", "directory"}, {"directory", (rig.scratch() / "nas").string()}};
  const auto reader = subscriber("mqttv5", "EVENT\t%t\t%C\t%P\t%p");
  const auto old_reader = subscriber("mqttv311", "EVENT\t%t\t\t\t%p");
  rig.start();
  const std::string id = rig.probe.send_command(
      Rig::kDevice, "recording.start", {{"camera_id", "front"}, {"duration_ms", 500}}, {{"traceparent", kTrace}});
  rig.event("recording.stopped", "command_id", id);
  const Json ready = rig.event("clip.ready", "command_id", id);
  rig.wait_uploaded(ready.at("data").at("clip_id"));
  rig.result("snapshot.take", {{"camera_id", "front"}, {"deliver", "inline"}});
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  for (Process* one : {reader.get(), old_reader.get()})
    ASSERT_TRUE(one->wait_for_output("/event/agent.stopping\t", Rig::kLimit)) << one->output();

  std::set<std::string> types;
  for (const Shown& event : shown(*reader)) {
    const std::string type = event.payload.at("type");
    SCOPED_TRACE(type);
    types.insert(type);
    std::map<std::string, std::string> expected = {{"specversion", "1.0"},
                                                   {"id", event.payload.at("id")},
                                                   {"source", "/vedette/v1/edge-01"},
                                                   {"type", "vedette.v1." + type},
                                                   {"time", event.payload.at("ts")},
                                                   {"dataschema", "urn:vedette:v1/event/" + type},
                                                   {"schema", "vedette/v1/event/" + type}};
    expected["partitionkey"] = Rig::kDevice;
    if (event.payload.contains("camera_id")) {
      expected["subject"] = event.payload["camera_id"];
      expected["partitionkey"] += "/" + expected["subject"];
    }
    if (event.payload.value("command_id", "") == id) expected["traceparent"] = kTrace;
    EXPECT_EQ(event.attributes, expected);
    EXPECT_EQ(event.content_type, "application/json");
  }
  for (const char* type : {"agent.started", "camera.up", "recording.started", "clip.ready", "recording.stopped",
                           "clip.uploaded", "snapshot.ready", "agent.stopping"})
    EXPECT_TRUE(types.count(type)) << type;

  // MQTT 3.1.1 knows no properties: the same messages.
  const auto payloads = [](const std::vector<Shown>& events) {
    std::vector<Json> out;
    for (const Shown& event : events) out.push_back(event.payload);
    return out;
  };
  EXPECT_EQ(payloads(shown(*old_reader)), payloads(shown(*reader)));
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
