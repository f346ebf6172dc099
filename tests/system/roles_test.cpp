// examples/mosquitto/acl.conf on a real broker: each role may do what it should, and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/ids.h"
#include "tests/support/paths.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

using Topics = std::set<std::string>;

const Topics kOfADevice = {"status",
                           "info",
                           "camera/front/state",
                           "camera/front/image",
                           "telemetry/system",
                           "event/clip.ready",
                           "reply/alice",
                           "reply/viewer",
                           "reply/fleet",
                           "reply/default",
                           "config/reported",
                           "config/desired",
                           "request/upload.grant",
                           "response/upload.grant",
                           "command/snapshot.take",
                           "command/clip.delete",
                           "ha/front/recording/set"};

// Those of two devices, of a group, and what is nobody's.
Topics all_topics() {
  Topics topics = {"vedette/v1/group/doors/command/agent.ping",
                   "vedette/v1/group/gates/command/agent.ping",
                   "other/topic",
                   "homeassistant/status",
                   "homeassistant/device/vedette_edge-01/config",
                   "homeassistant/device/vedette_edge-02/config"};
  for (const char* device : {"edge-01", "edge-02"})
    for (const std::string& topic : kOfADevice) topics.insert(std::string("vedette/v1/") + device + "/" + topic);
  return topics;
}

Topics of_each(const Topics& topics) {
  Topics out;
  for (const char* device : {"edge-01", "edge-02"})
    for (const std::string& topic : topics) out.insert(std::string("vedette/v1/") + device + "/" + topic);
  return out;
}

Topics of(const std::string& device, const Topics& topics) {
  Topics out;
  for (const std::string& topic : topics) out.insert("vedette/v1/" + device + "/" + topic);
  return out;
}

Topics with(Topics topics, const Topics& more) {
  topics.insert(more.begin(), more.end());
  return topics;
}

struct Role {
  std::string user;
  Topics reads;
  Topics writes;
};

std::vector<Role> roles() {
  const Topics device_reads = {"command/snapshot.take", "command/clip.delete", "response/upload.grant",
                               "config/desired", "ha/front/recording/set"};
  const Topics device_writes = {"status",
                                "info",
                                "camera/front/state",
                                "camera/front/image",
                                "telemetry/system",
                                "event/clip.ready",
                                "reply/alice",
                                "reply/viewer",
                                "reply/fleet",
                                "reply/default",
                                "config/reported",
                                "request/upload.grant"};
  const Topics seen = {"status", "info", "camera/front/state", "camera/front/image", "event/clip.ready"};
  const Topics commands = of_each({"command/snapshot.take", "command/clip.delete"});
  const Topics bridge = {"homeassistant/status", "homeassistant/device/vedette_edge-01/config",
                         "homeassistant/device/vedette_edge-02/config"};
  return {
      {"edge-01", with(of("edge-01", device_reads), {"vedette/v1/group/doors/command/agent.ping"}),
       with(of("edge-01", device_writes), {"homeassistant/device/vedette_edge-01/config"})},
      {"edge-02", of("edge-02", device_reads),
       with(of("edge-02", device_writes), {"homeassistant/device/vedette_edge-02/config"})},
      {"alice",
       of_each(with(seen, {"telemetry/system", "reply/alice", "reply/default", "config/desired", "config/reported"})),
       with(with(commands, of_each({"config/desired"})),
            {"vedette/v1/group/doors/command/agent.ping", "vedette/v1/group/gates/command/agent.ping"})},
      {"fleet", of_each(with(seen, {"telemetry/system", "reply/fleet", "request/upload.grant"})),
       with(commands, of_each({"response/upload.grant"}))},
      {"homeassistant",
       with(of_each({"status", "camera/front/state", "camera/front/image", "telemetry/system"}), bridge),
       with(of_each({"ha/front/recording/set"}), bridge)},
      {"viewer", of_each(with(seen, {"reply/viewer"})), of_each({"command/snapshot.take"})},
  };
}

class RolesTest : public testing::Test {
 protected:
  static MosquittoOptions options() {
    MosquittoOptions options;
    for (const Role& role : roles()) options.users[role.user] = "p";
    options.users["probe"] = "p";
    options.acl = read_text(VEDETTE_SOURCE_DIR "/examples/mosquitto/acl.conf") + "\nuser probe\ntopic readwrite #\n";
    return options;
  }
  static ProbeOptions as(const std::string& user, uint16_t port, const std::string& subscription = "#") {
    ProbeOptions options;
    options.port = port;
    options.username = user;
    options.password = "p";
    options.subscription = subscription;
    return options;
  }
  static Topics topics_of(const std::vector<ProbeMessage>& messages) {
    Topics out;
    for (const ProbeMessage& message : messages) out.insert(message.topic);
    return out;
  }
};

TEST_F(RolesTest, EachReadsAndWritesItsOwnTopicsAndNoOthers) {
  Mosquitto broker(options());
  MqttProbe all(as("probe", broker.port()));
  for (const Role& role : roles()) {
    SCOPED_TRACE(role.user);
    MqttProbe client(as(role.user, broker.port()));
    // What the broker acknowledged it has passed on, and in this order: when the last has come, no other will.
    for (const std::string& topic : all_topics()) ASSERT_TRUE(all.publish({.topic = topic, .payload = "x"}));
    const std::string last_read = *role.reads.begin();
    ASSERT_TRUE(all.publish({.topic = last_read, .payload = "last"}));
    ASSERT_TRUE(client.wait_for([](const ProbeMessage& m) { return m.payload == "last"; }, 20s));
    EXPECT_EQ(topics_of(client.messages()), with(role.reads, {"homeassistant/status"}));

    const size_t mark = all.mark();
    for (const std::string& topic : all_topics()) ASSERT_TRUE(client.publish({.topic = topic, .payload = "y"}));
    ASSERT_TRUE(client.publish({.topic = *role.writes.begin(), .payload = "last"}));
    ASSERT_TRUE(all.wait_for([](const ProbeMessage& m) { return m.payload == "last"; }, 20s, mark));
    EXPECT_EQ(topics_of(all.messages(mark)), role.writes);
  }
}

// The agent itself, which is a device like any other, needs nothing that the file does not give it.
TEST_F(RolesTest, AnAgentWorksWithIt) {
  RigOptions rig_options;
  rig_options.broker = options();
  Rig rig(rig_options);
  rig.config()["mqtt"]["username"] = "edge-01";
  rig.config()["mqtt"]["password_file"] = rig.secret_file("mqtt", "p");
  rig.config()["mqtt"]["groups"] = {"doors"};
  rig.add_camera("front", "test://pattern?size=320x240&fps=25&gop=25");
  rig.start();

  MqttProbe viewer(as("viewer", rig.broker.port()));
  const std::string command_id = new_id();
  const Json command = {{"v", 1}, {"id", command_id}, {"reply_to", "viewer"}, {"params", {{"camera_id", "front"}}}};
  ASSERT_TRUE(viewer.publish({.topic = "vedette/v1/edge-01/command/snapshot.take", .payload = to_text(command)}));
  EXPECT_EQ(viewer.final_reply(command_id).value("status", ""), "succeeded");

  MqttProbe alice(as("alice", rig.broker.port()));
  const std::string ping_id = new_id();
  const Json ping = {{"v", 1}, {"id", ping_id}, {"reply_to", "alice"}, {"params", Json::object()}};
  ASSERT_TRUE(alice.publish({.topic = "vedette/v1/group/doors/command/agent.ping", .payload = to_text(ping)}));
  EXPECT_EQ(alice.final_reply(ping_id).value("status", ""), "succeeded");

  // The command line is such a program, too.
  ProcessOptions environment;
  environment.env = {{"VEDETTE_PASSWORD", "p"}, {"VEDETTE_BROKER", rig.broker.url()}, {"VEDETTE_DEVICE", "edge-01"}};
  const auto ctl = [&](const std::string& user, const std::vector<std::string>& words) {
    std::vector<std::string> argv = {VEDETTE_BINARY_DIR "/bin/vedettectl", "--username", user};
    argv.insert(argv.end(), words.begin(), words.end());
    const Finished done = run(argv, 60s, environment);
    return done.status == 0 ? "" : done.output + done.errors;
  };
  EXPECT_EQ(ctl("alice", {"agent.ping"}), "");
  EXPECT_EQ(ctl("alice", {"config", "get"}), "");
  EXPECT_EQ(ctl("fleet", {"clips", "ls"}), "");
  EXPECT_EQ(ctl("viewer", {"snapshot.take", "camera_id=front"}), "");
}

}  // namespace
}  // namespace vedette::test
