// The agent with a cluster of two brokers (ejabberd), of which one is killed.
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/json.h"
#include "tests/support/ejabberd.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/temp_dir.h"
#include "tests/support/vedette_process.h"

namespace vedette::test {
namespace {

constexpr milliseconds kLimit{30000};
constexpr milliseconds kFailover{15000};
constexpr const char* kDevice = "edge-01";

ProbeOptions at_node(const EjabberdCluster& cluster, int node, const std::string& name) {
  ProbeOptions options;
  options.port = cluster.port(node);
  options.username = EjabberdCluster::username(name);
  options.password = "p";
  return options;
}

bool is_status(const ProbeMessage& m, const std::string& state) {
  return m.topic.ends_with("/status") && m.json()["state"] == state;
}

class ClusterTest : public testing::Test {
 protected:
  Json config(const std::string& storage) const {
    Json cameras;
    for (const char* id : {"a", "b", "c", "d"})
      cameras[id] = {{"url", "test://pattern?size=160x120&fps=10&gop=5"}, {"record", "continuous"}};
    return {{"device_id", kDevice},
            {"mqtt",
             {{"url", cluster.url(0)},
              {"urls", {cluster.url(1)}},
              {"username", EjabberdCluster::username(kDevice)},
              {"password", "p"},
              {"return_after_s", 2}}},
            {"storage", {{"path", (dir.path() / storage).string()}, {"min_free_bytes", 0}}},
            {"upload", {{"target", "none"}}},
            {"recording", {{"segment_s", 1}}},
            {"telemetry", {{"interval_s", 1}}},
            {"cameras", cameras}};
  }
  // The newest birth that the probe has seen.
  static std::string connection(const MqttProbe& probe) {
    std::string newest;
    for (const ProbeMessage& m : probe.messages())
      if (is_status(m, "online") || is_status(m, "degraded")) newest = m.json()["connection_id"];
    return newest;
  }

  // What was on its way when a node died comes again, under the id that it had.
  static void expect_one_id_for_each_clip(const MqttProbe& probe) {
    std::map<std::string, std::set<std::string>> ids;
    size_t messages = 0;
    for (const ProbeMessage& m : probe.messages()) {
      if (!m.topic.ends_with("/event/clip.ready")) continue;
      ++messages;
      ids[m.json()["data"]["clip_id"]].insert(m.json()["id"].get<std::string>());
    }
    for (const auto& [clip_id, events] : ids)
      EXPECT_EQ(events.size(), 1u) << clip_id << " is told of as " << testing::PrintToString(events);
    std::cout << ids.size() << " clips were told of in " << messages << " messages\n";
  }

  TempDir dir;
  EjabberdCluster cluster;
};

TEST_F(ClusterTest, WhenItsNodeIsKilledTheAgentIsAtTheOtherOneAndNothingIsLost) {
  MqttProbe second(at_node(cluster, 1, "second"));
  VedetteProcess agent(config("storage").dump());
  agent.start();
  const auto clip_ready = [](const ProbeMessage& m) { return m.topic.ends_with("/event/clip.ready"); };
  ASSERT_TRUE(second.wait_for(clip_ready, kLimit)) << agent.log() << cluster.log(0);
  const std::string at_first = connection(second);

  const MonoTime killed = Clock::system().mono();
  cluster.kill9(0);
  const auto is_next_birth = [&](const ProbeMessage& m) {
    return is_status(m, "online") && m.json()["connection_id"] != at_first;
  };
  const auto birth = second.wait_for(is_next_birth, kFailover);
  ASSERT_TRUE(birth) << agent.log();
  std::cout << "at the other node after " << to_ms(Clock::system().mono() - killed) << " ms\n";
  const std::string at_second = birth->json()["connection_id"];
  // All that is retained is there, for those who come now.
  const MqttProbe late(at_node(cluster, 1, "late"));
  const auto retained = late.wait_for([](const ProbeMessage& m) { return m.topic.ends_with("/status"); }, kLimit);
  ASSERT_TRUE(retained);
  EXPECT_TRUE(retained->retain);
  EXPECT_EQ(retained->json()["connection_id"], at_second);
  for (const char* topic : {"/info", "/config/reported", "/camera/a/state", "/camera/d/state"})
    EXPECT_TRUE(late.wait_for([&](const ProbeMessage& m) { return m.topic.ends_with(topic); }, kLimit)) << topic;

  // Back at the first node when that is there again. In a cluster the next connection takes the session along, so that
  // the will of the one that was left is not sent.
  cluster.start(0);
  const size_t from = second.mark();
  const auto is_third_birth = [&](const ProbeMessage& m) {
    return is_status(m, "online") && m.json()["connection_id"] != at_second;
  };
  const auto third = second.wait_for(is_third_birth, kLimit, from);
  ASSERT_TRUE(third) << agent.log();
  ASSERT_TRUE(second.wait_for(clip_ready, kLimit, second.mark()));

  // What the catalog knows was told.
  Json query = second.command(kDevice, "clip.query", {{"limit", 200}});
  ASSERT_EQ(query["status"], "succeeded") << query;
  ASSERT_GE(query["result"]["clips"].size(), 2u);  // one of before and one of after at least
  for (const Json& clip : query["result"]["clips"]) {
    if (clip["state"] != "ready") continue;
    const auto is_it = [&](const ProbeMessage& m) {
      return clip_ready(m) && m.json()["data"]["clip_id"] == clip["clip_id"];
    };
    EXPECT_TRUE(second.wait_for(is_it, kLimit)) << clip;
  }

  // A node that comes back may make the other one end its clients (0x83) and send their will: what counts is the
  // connection of now, and that its will is sent once.
  std::string newest;
  second.count([&](const ProbeMessage& m) {
    if (is_status(m, "online")) newest = m.json()["connection_id"];
    return false;
  });
  const auto is_lost = [&](const ProbeMessage& m) {
    return is_status(m, "lost") && m.json()["connection_id"] == newest;
  };
  EXPECT_EQ(second.count(is_lost), 0u);
  agent.kill9();
  ASSERT_TRUE(second.wait_for(is_lost, kLimit));
  EXPECT_EQ(second.count(is_lost), 1u);
  expect_one_id_for_each_clip(second);
}

TEST_F(ClusterTest, ASecondDeviceWithTheSameIdIsToldOfAtOnce) {
  const MqttProbe probe(at_node(cluster, 1, "probe"));
  VedetteProcess agent(config("one").dump());
  agent.start();
  ASSERT_TRUE(probe.wait_for([](const ProbeMessage& m) { return is_status(m, "online"); }, kLimit)) << agent.log();
  Json copy = config("two");
  copy["mqtt"]["url"] = cluster.url(1);
  copy["mqtt"].erase("urls");
  VedetteProcess other(copy.dump());
  other.start();
  const auto in_use = [](const ProbeMessage& m) { return m.topic.ends_with("/event/agent.id_in_use"); };
  const auto event = probe.wait_for(in_use, kLimit);
  ASSERT_TRUE(event) << agent.log();
  EXPECT_EQ(event->json()["data"]["announced"], true);
  EXPECT_EQ(event->json()["data"]["times"], 1);
}

}  // namespace
}  // namespace vedette::test
