// Commands as such: cancelling them, too many of them, those for a group, who asked what, and what is told of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/ids.h"
#include "tests/support/black_hole.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

const std::string kBase = std::string("vedette/v1/") + Rig::kDevice;
constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class CommandsTest : public testing::Test {
 protected:
  // A command with more around the params than usual. Its id.
  std::string send(const std::string& verb, const Json& params, const Json& around = Json::object(),
                   const std::string& base = kBase) {
    const std::string id = new_id();
    Json command = {{"v", 1}, {"id", id}, {"params", params}};
    command.update(around);
    ProbeMessage message;
    message.topic = base + "/command/" + verb;
    message.payload = to_text(command);
    message.correlation = id;
    EXPECT_TRUE(rig.probe.publish(message));
    return id;
  }
  std::string wait_accepted(const std::string& id) {
    const auto accepted = rig.probe.wait_for(
        [&](const ProbeMessage& m) {
          return m.topic.find("/reply/") != std::string::npos && m.correlation == id &&
                 m.json().at("status") == "accepted";
        },
        Rig::kLimit);
    EXPECT_TRUE(accepted) << id;
    return id;
  }
  // Of each command the final replies, as texts without what differs between two sendings of one.
  std::map<std::string, std::set<std::string>> final_replies() const {
    std::map<std::string, std::set<std::string>> out;
    for (const ProbeMessage& m : rig.probe.messages()) {
      if (m.topic.find("/reply/") == std::string::npos) continue;
      Json reply = m.json();
      if (!reply.at("command_id").is_string() || reply.at("status") == "accepted" ||
          reply.at("status") == "in_progress")
        continue;
      reply.erase("seq");
      out[reply.at("command_id")].insert(to_text(reply));
    }
    return out;
  }

  Rig rig;
};

TEST_F(CommandsTest, CancelEndsWhatTakesLong) {
  const BlackHole nobody;
  const std::string url = "rtsp://127.0.0.1:" + std::to_string(nobody.port()) + "/stream";
  rig.add_camera("front", "test://pattern?size=320x180&fps=5&gop=10000");
  rig.start();
  const Json probe_it = {{"url", url}, {"timeout_ms", 60'000}};
  const std::string runs = wait_accepted(send("camera.probe", probe_it));
  const std::string waits = wait_accepted(send("camera.probe", probe_it));
  const std::string fresh =
      wait_accepted(send("snapshot.take", {{"camera_id", "front"}, {"fresh", true}, {"timeout_ms", 120'000}}));
  for (const std::string& id : {waits, runs, fresh}) {
    const Json status = rig.result("command.cancel", {{"command_id", id}}).at("status");
    const Json reply = rig.probe.final_reply(id, Rig::kLimit);
    EXPECT_EQ(status, "cancelled") << reply;
    EXPECT_EQ(reply.at("status"), "cancelled") << reply;
    EXPECT_EQ(reply.at("code"), "cancelled") << reply;
    EXPECT_EQ(rig.command("command.cancel", {{"command_id", id}}).at("code"), "conflict") << "it is over";
  }
  EXPECT_EQ(rig.command("command.cancel", {{"command_id", new_id()}}).at("code"), "not_found");
  EXPECT_EQ(rig.command("command.cancel", {{"command_id", "x"}}).at("code"), "invalid_argument");

  // Whoever probed has given back what they held, and the next one is served.
  const std::string next = wait_accepted(send("camera.probe", {{"camera_id", "front"}}));
  EXPECT_EQ(rig.probe.final_reply(next, Rig::kLimit).at("status"), "succeeded");
  for (const auto& [id, replies] : final_replies()) EXPECT_EQ(replies.size(), 1u) << id;
  rig.expect_messages_follow_schemas();
}

TEST_F(CommandsTest, CancelOfASnapshotThatWaitsForItsUploadGivesWhatThereIs) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=5&gop=5");
  rig.config()["upload"] = {{"target", "directory"}, {"directory", (rig.scratch() / "nas").string()}};
  rig.start();
  rig.result("upload.pause", Json::object());
  for (const char* deliver : {"upload", "both"})
    for (const bool at_once : {true, false}) {
      const std::string id =
          wait_accepted(send("snapshot.take", {{"camera_id", "front"}, {"deliver", deliver}, {"timeout_ms", 120'000}}));
      const auto waits = [&](const ProbeMessage& m) {
        return m.correlation == id && m.json().value("status", "") == "in_progress";
      };
      if (!at_once) {
        ASSERT_TRUE(rig.probe.wait_for(waits, Rig::kLimit));
      }
      const MonoTime began = Clock::system().mono();
      const Json by = rig.command("command.cancel", {{"command_id", id}});
      const Json reply = rig.probe.final_reply(id, Rig::kLimit);
      EXPECT_EQ(by.at("result").at("status"), "cancelled") << by << reply;
      EXPECT_EQ(reply.at("status"), "cancelled") << reply;
      EXPECT_LT(Clock::system().mono() - began, 30s) << "long before its timeout";
      // Given up before there was a picture, or with all that is known of it: the upload goes on.
      if (at_once && !reply.contains("result")) continue;
      EXPECT_TRUE(reply.at("result").contains("object_key")) << reply;
      EXPECT_EQ(reply.at("result").contains("image_base64"), std::string(deliver) == "both") << reply;
    }
  rig.expect_messages_follow_schemas();
}

TEST_F(CommandsTest, TheAgentTellsAllAnewAndLogsAsItIsTold) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10");
  rig.start();
  const size_t mark = rig.probe.mark();
  rig.result("agent.rebirth", Json::object());
  for (const char* topic : {"/status", "/info", "/camera/front/state"})
    EXPECT_TRUE(rig.probe.wait_for_topic(topic, Rig::kLimit, mark).is_object());

  const auto ping = [this] {
    const std::string id = send("agent.ping", Json::object());
    EXPECT_EQ(rig.probe.final_reply(id, Rig::kLimit).at("status"), "succeeded");
    return id;
  };
  const std::string before = ping();
  EXPECT_TRUE(rig.vedette->wait_for_log(before, Rig::kLimit)) << "each command is a line of the log";
  const Json level = rig.result("agent.log_level", {{"level", "error"}});
  EXPECT_EQ(level.at("level"), "error");
  EXPECT_EQ(level.at("configured"), "debug");
  const std::string quiet = ping();
  rig.result("agent.log_level", {{"level", "error"}, {"ttl_s", 1}});
  EXPECT_TRUE(rig.vedette->wait_for_log("the log level is that of the configuration again", Rig::kLimit));
  EXPECT_TRUE(rig.vedette->wait_for_log(ping(), Rig::kLimit));
  EXPECT_EQ(rig.vedette->log().find(quiet), std::string::npos) << "the log is in order: that one would be there by now";
  EXPECT_EQ(rig.command("agent.log_level", {{"level", "loud"}}).at("code"), "invalid_argument");
  rig.expect_messages_follow_schemas();
}

TEST_F(CommandsTest, WhoAskedWhatCanBeAskedAfterARestart) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10");
  rig.start();
  const std::string stop = send("recording.stop", {{"camera_id", "front"}}, {{"actor", "alice@acme"}});
  EXPECT_EQ(rig.probe.final_reply(stop, Rig::kLimit).at("code"), "not_found");
  const std::string start = send("recording.start", {{"camera_id", "front"}}, {{"actor", "bob"}});
  EXPECT_EQ(rig.probe.final_reply(start, Rig::kLimit).at("status"), "succeeded");
  for (int i = 0; i < 3; ++i) rig.result("agent.ping", Json::object());
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.start();

  const Json alices = rig.result("audit.query", {{"actor", "alice@acme"}}).at("commands");
  ASSERT_EQ(alices.size(), 1u) << alices;
  EXPECT_EQ(alices[0].at("command_id"), stop);
  EXPECT_EQ(alices[0].at("verb"), "recording.stop");
  EXPECT_EQ(alices[0].at("camera_id"), "front");
  EXPECT_EQ(alices[0].at("status"), "rejected");
  EXPECT_EQ(alices[0].at("code"), "not_found");
  std::set<std::string> all;
  Json page = rig.result("audit.query", {{"limit", 2}});
  for (int pages = 1; pages < 20; ++pages) {
    for (const Json& one : page.at("commands")) EXPECT_TRUE(all.insert(one.at("command_id")).second);
    if (page.at("next_cursor").is_null()) break;
    page = rig.result("audit.query", {{"limit", 2}, {"cursor", page.at("next_cursor")}});
  }
  EXPECT_TRUE(all.count(start) && all.count(stop)) << all.size();
  EXPECT_GE(all.size(), 6u);
  EXPECT_EQ(rig.command("audit.query", {{"cursor", "not of ours"}}).at("code"), "invalid_argument");
  EXPECT_NE(rig.vedette->log().find(start), std::string::npos) << "each command is a line of the log";
  rig.expect_messages_follow_schemas();
}

TEST_F(CommandsTest, OfAFloodEachIsHandledOrRefusedAndWhatStopsGetsThrough) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10");
  rig.start();
  // What is there already is in it: on a quick machine it is stopped before the next frame.
  const Started running = rig.start_recording("front", {{"pre_roll_ms", 5000}});
  constexpr int kFlood = 400;
  std::vector<std::string> ids;
  const MonoTime began = Clock::system().mono();
  for (int i = 0; i < kFlood; ++i) ids.push_back(send("agent.ping", Json::object()));
  const microseconds took = Clock::system().mono() - began;
  const std::string stop = send("recording.stop", {{"camera_id", "front"}});
  EXPECT_EQ(rig.probe.final_reply(stop, Rig::kLimit).at("status"), "succeeded");
  std::map<std::string, std::set<std::string>> replies;
  EXPECT_TRUE(eventually(Rig::kLimit, [&] {
    replies = final_replies();
    return std::all_of(ids.begin(), ids.end(), [&](const std::string& id) { return replies.count(id) > 0; });
  }));
  int succeeded = 0, refused = 0;
  for (const std::string& id : ids) {
    const auto& those = replies[id];
    EXPECT_EQ(those.size(), 1u) << id;
    const std::string code = those.size() == 1 ? Json::parse(*those.begin()).value("code", "") : "";
    succeeded += code == "ok" ? 1 : 0;
    refused += code == "rate_limited" || code == "busy" ? 1 : 0;
  }
  EXPECT_EQ(succeeded + refused, kFlood);
  EXPECT_GE(succeeded, 48);  // 50 but for what came before it
  EXPECT_TRUE(refused > 0 || took > 10s);
  rig.event("recording.stopped", "recording_id", running.recording_id);
  EXPECT_EQ(rig.wait_clip_ready(running.recording_id).at("gaps").size(), 0u);
  rig.expect_messages_follow_schemas();
}

TEST_F(CommandsTest, TheTraceOfACommandGoesWithAllThatComesOfIt) {
  rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10");
  rig.config()["upload"] = {{"target", "directory"}, {"directory", (rig.scratch() / "nas").string()}};
  rig.start();
  const std::string start =
      send("recording.start", {{"camera_id", "front"}, {"duration_ms", 500}}, {{"traceparent", kTrace}});
  const Json reply = rig.probe.final_reply(start, Rig::kLimit);
  EXPECT_EQ(reply.value("traceparent", ""), kTrace);
  const Json ready = rig.event("clip.ready", "command_id", start);
  for (const char* type : {"recording.started", "clip.ready", "recording.stopped", "clip.uploaded"})
    EXPECT_EQ(rig.event(type, "command_id", start).value("traceparent", ""), kTrace) << type;
  const auto seen = rig.probe.wait_for(
      [](const ProbeMessage& m) { return m.topic.find("/event/clip.uploaded") != std::string::npos; }, Rig::kLimit);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->property("traceparent"), kTrace);

  constexpr const char* kOther = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00";
  const std::string removal =
      send("clip.delete", {{"clip_ids", {ready.at("data").at("clip_id")}}, {"force", true}}, {{"traceparent", kOther}});
  EXPECT_EQ(rig.event("clip.deleted", "command_id", removal).value("traceparent", ""), kOther);

  const std::string picture =
      send("snapshot.take", {{"camera_id", "front"}, {"deliver", "both"}}, {{"traceparent", kTrace}});
  EXPECT_EQ(rig.probe.final_reply(picture, Rig::kLimit).value("traceparent", ""), kTrace);
  EXPECT_EQ(rig.event("snapshot.ready", "command_id", picture).value("traceparent", ""), kTrace);
  EXPECT_TRUE(rig.probe.wait_for(
      [&](const ProbeMessage& m) {
        return m.correlation == picture && m.topic.find("/reply/") != std::string::npos &&
               m.json().at("status") == "in_progress";
      },
      Rig::kLimit))
      << "that it is being uploaded";
  rig.expect_messages_follow_schemas();
}

TEST_F(CommandsTest, EachDeviceOfAGroupRunsACommandOnceAndAnswersBelowItself) {
  constexpr const char* kGroup = "vedette/v1/group/north";
  const std::vector<std::string> names = {"edge-02", "edge-03"};
  rig.config()["mqtt"]["groups"] = {"north"};
  rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10");
  std::vector<std::unique_ptr<VedetteProcess>> others;
  for (const std::string& name : names) {
    Json config = rig.config();
    config["device_id"] = name;
    config["storage"]["path"] = (rig.scratch() / name).string();
    others.push_back(std::make_unique<VedetteProcess>(to_text(config)));
    others.back()->start();
  }
  rig.start();
  for (const char* device : {"edge-01", "edge-02", "edge-03"})
    ASSERT_TRUE(rig.probe.wait_for(
        [&](const ProbeMessage& m) {
          return m.topic == std::string("vedette/v1/") + device + "/camera/front/state" &&
                 m.json().at("state") == "streaming";
        },
        Rig::kLimit));

  const auto answer_of = [&](const std::string& device, const std::string& id, const std::string& place) {
    const auto found = rig.probe.wait_for(
        [&](const ProbeMessage& m) {
          return m.topic == "vedette/v1/" + device + "/reply/" + place && m.json().at("command_id") == id;
        },
        Rig::kLimit);
    EXPECT_TRUE(found) << device << " does not answer";
    return found ? found->json() : Json::object();
  };
  const std::string start =
      send("recording.start", {{"camera_id", "front"}, {"recording_id", "all"}}, {{"reply_to", "web"}}, kGroup);
  for (const char* device : {"edge-01", "edge-02", "edge-03"}) {
    const Json reply = answer_of(device, start, "web");
    EXPECT_EQ(reply.value("status", ""), "succeeded") << device << reply;
    // The same id on its own topic is the same command.
    ProbeMessage again;
    again.topic = std::string("vedette/v1/") + device + "/command/recording.start";
    again.payload = to_text({{"v", 1}, {"id", start}, {"reply_to", "again"}, {"params", {{"camera_id", "front"}}}});
    ASSERT_TRUE(rig.probe.publish(again));
    Json repeated = answer_of(device, start, "again");
    EXPECT_EQ(repeated.value("id", ""), reply.value("id", "-")) << device;
  }
  // No device publishes below another one: a response topic of one of them is refused by the others.
  ProbeMessage foreign;
  const std::string id = new_id();
  foreign.topic = std::string(kGroup) + "/command/agent.ping";
  foreign.payload = to_text({{"v", 1}, {"id", id}});
  foreign.response_topic = "vedette/v1/edge-02/reply/mine";
  ASSERT_TRUE(rig.probe.publish(foreign));
  EXPECT_EQ(answer_of("edge-02", id, "mine").value("status", ""), "succeeded");
  EXPECT_EQ(answer_of("edge-01", id, "default").value("code", ""), "invalid_argument");
  EXPECT_EQ(answer_of("edge-03", id, "default").value("code", ""), "invalid_argument");
  EXPECT_EQ(rig.probe.count([&](const ProbeMessage& m) {
    return m.topic.find("/reply/") != std::string::npos && m.json().at("command_id") == id;
  }),
            3u);
  EXPECT_EQ(rig.result("recording.list", Json::object()).at("recordings").size(), 1u);
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
