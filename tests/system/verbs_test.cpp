// The questions of the API, and what the agent says of itself.
#include <gtest/gtest.h>

#include <set>

#include "core/ids.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

const std::string kBase = std::string("vedette/v1/") + Rig::kDevice;

std::vector<std::string> ids_of(const Json& result) {
  std::vector<std::string> ids;
  for (const Json& clip : result.at("clips")) ids.push_back(clip.at("clip_id"));
  return ids;
}

class VerbsTest : public testing::Test {
 protected:
  void add_cameras() {
    rig.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
    rig.add_camera("back", "test://pattern?size=320x180&fps=10&gop=10&audio=1");
  }
  // The clip of a recording of half a second.
  Json record(const std::string& camera_id, const std::vector<std::string>& labels) {
    const Started started = rig.start_recording(camera_id, {{"duration_ms", 500}, {"labels", labels}});
    return rig.wait_clip_ready(started.recording_id);
  }
  // The retained message that a newcomer gets.
  ProbeMessage retained(const std::string& below) {
    ProbeOptions options;
    options.port = rig.broker.port();
    options.subscription = kBase + "/" + below;
    const MqttProbe newcomer(options);
    const auto found = newcomer.wait_for([](const ProbeMessage&) { return true; }, Rig::kLimit);
    EXPECT_TRUE(found) << below;
    return found.value_or(ProbeMessage());
  }

  Rig rig;
};

TEST_F(VerbsTest, FindClipsByEveryFilterAndPageByPage) {
  add_cameras();
  rig.config()["upload"] = {{"target", "none"}};
  rig.start();
  std::vector<std::string> front;
  for (int i = 0; i < 3; ++i) front.push_back(record("front", {i == 1 ? "alarm" : "round", "all"}).at("clip_id"));
  const Json back = record("back", {"all"});
  const Started running = rig.start_recording("back", {{"duration_ms", 60000}, {"labels", {"open"}}});
  rig.event("recording.started", "recording_id", running.recording_id);

  const auto find = [this](const Json& params) { return rig.result("clip.query", params); };
  EXPECT_EQ(ids_of(find({{"camera_id", "front"}})), front);
  EXPECT_EQ(ids_of(find({{"camera_id", "front"}, {"order", "desc"}, {"limit", 1}})), std::vector{front[2]});
  EXPECT_EQ(ids_of(find({{"labels", {"alarm"}}})), std::vector{front[1]});
  EXPECT_EQ(ids_of(find({{"labels", {"all"}}})).size(), 4u);
  EXPECT_EQ(ids_of(find({{"state", {"ready"}}})).size(), 4u);
  EXPECT_EQ(ids_of(find({{"state", {"recording"}}})).size(), 1u);
  EXPECT_EQ(
      ids_of(find({{"from", back.at("start")}, {"to", back.at("end")}, {"camera_id", "back"}, {"state", {"ready"}}})),
      std::vector<std::string>{back.at("clip_id")});
  EXPECT_EQ(ids_of(find({{"to", "2020-01-01T00:00:00Z"}})).size(), 0u);

  std::set<std::string> all;
  Json page = find({{"limit", 2}});
  for (int pages = 1;; ++pages) {
    EXPECT_LE(page.at("clips").size(), 2u);
    for (const std::string& id : ids_of(page)) EXPECT_TRUE(all.insert(id).second) << "twice: " << id;
    if (page.at("next_cursor").is_null()) break;
    ASSERT_LT(pages, 10);
    page = find({{"limit", 2}, {"cursor", page.at("next_cursor")}});
  }
  EXPECT_EQ(all.size(), 5u);
  EXPECT_EQ(rig.command("clip.query", {{"cursor", "not of ours"}}).at("code"), "invalid_argument");

  const Json clip = rig.clip(front[1]);
  EXPECT_EQ(clip.at("labels"), (Json{"alarm", "all"}));
  EXPECT_EQ(clip.at("upload").at("state"), "none");
  EXPECT_EQ(rig.command("clip.get", {{"clip_id", new_id()}}).at("code"), "not_found");
  EXPECT_EQ(rig.command("clip.url", {{"clip_id", new_id()}}).at("code"), "not_found");

  const Json listed = rig.result("recording.list", Json::object()).at("recordings");
  ASSERT_EQ(listed.size(), 1u) << listed;
  EXPECT_EQ(listed[0].at("recording_id"), running.recording_id);
  EXPECT_EQ(listed[0].at("state"), "recording");
  EXPECT_EQ(rig.result("recording.list", {{"camera_id", "front"}}).at("recordings").size(), 0u);
  rig.result("recording.stop", {{"camera_id", "back"}});
  rig.event("recording.stopped", "recording_id", running.recording_id);
  EXPECT_EQ(rig.command("recording.stop", {{"camera_id", "back"}}).at("code"), "not_found");
  EXPECT_FALSE(rig.result("agent.ping", Json::object()).value("version", "").empty());
  rig.expect_messages_follow_schemas();
}

TEST_F(VerbsTest, ConflictIsTheAnswerForTheUrlOfWhatIsNotUploaded) {
  add_cameras();
  rig.config()["upload"] = {{"target", "s3"},
                            {"endpoint", "http://127.0.0.1:" + std::to_string(free_port())},
                            {"bucket", "clips"},
                            {"access_key_id_file", rig.secret_file("id", "some-key")},
                            {"secret_access_key_file", rig.secret_file("key", "some-secret")}};
  rig.start();
  const Json ready = record("front", {});
  EXPECT_EQ(rig.command("clip.url", {{"clip_id", ready.at("clip_id")}}).at("code"), "conflict");
  const Json never = rig.start_recording("front", {{"duration_ms", 500}, {"upload", "never"}}).result;
  const Json kept = rig.wait_clip_ready(never.at("recording_id"));
  EXPECT_EQ(rig.clip(kept.at("clip_id")).at("upload").at("state"), "none");
  EXPECT_EQ(rig.command("clip.url", {{"clip_id", kept.at("clip_id")}}).at("code"), "conflict");
  rig.expect_messages_follow_schemas();
}

TEST_F(VerbsTest, StatusFollowsTheAgentFromBirthToTheWill) {
  add_cameras();
  rig.start();
  ASSERT_TRUE(rig.probe.wait_for_state("/status", "online", Rig::kLimit));
  ASSERT_TRUE(eventually(Rig::kLimit, [this] { return rig.newest_status().at("cameras").at("streaming") == 2; }));
  for (const char* below : {"status", "info", "camera/front/state", "camera/back/state"}) {
    const ProbeMessage message = retained(below);
    EXPECT_TRUE(message.retain) << below;
    EXPECT_EQ(message.qos, 1) << below;
    EXPECT_EQ(message.content_type, "application/json");
    EXPECT_EQ(message.property("schema").find("vedette/v1/"), 0u) << message.property("schema");
  }
  const Json info = retained("info").json();
  EXPECT_EQ(info.at("cameras").size(), 2u) << info;
  EXPECT_NE(std::find(info.at("verbs").begin(), info.at("verbs").end(), "recording.start"), info.at("verbs").end());

  const Started started = rig.start_recording("front");
  const auto is_recording = [&](const ProbeMessage& m) {
    return m.topic == kBase + "/camera/front/state" && m.json().at("recording").at("active") == true &&
           m.json().at("recording").at("recording_ids")[0] == started.recording_id;
  };
  EXPECT_TRUE(rig.probe.wait_for(is_recording, Rig::kLimit));
  for (const char* below : {"/telemetry/system", "/telemetry/camera/front", "/telemetry/camera/back"})
    EXPECT_EQ(rig.probe.wait_for_topic(below, Rig::kLimit, rig.probe.mark()).at("v"), 1);

  // A clean end: no will.
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_TRUE(rig.probe.wait_for_state("/status", "offline", Rig::kLimit));
  rig.event("agent.stopping", "reason", "signal");
  EXPECT_EQ(retained("status").json().at("state"), "offline");

  rig.start();
  ASSERT_TRUE(eventually(Rig::kLimit, [this] { return rig.newest_status().at("cameras").at("streaming") == 2; }));
  const Json before = rig.newest_status();
  rig.vedette->kill9();
  constexpr milliseconds kWillDelay{15000};
  ASSERT_TRUE(rig.probe.wait_for_state("/status", "lost", kWillDelay + 3000ms));
  const ProbeMessage will = retained("status");
  EXPECT_TRUE(will.retain);
  EXPECT_EQ(will.qos, 1);
  EXPECT_EQ(will.json().at("connection_id"), before.at("connection_id"));
  size_t lost = 0;
  for (const ProbeMessage& m : rig.probe.messages())
    if (m.topic == kBase + "/status") lost += m.json().at("state") == "lost" ? 1 : 0;
  EXPECT_EQ(lost, 1u);
  rig.start();
  EXPECT_TRUE(eventually(Rig::kLimit, [this] { return retained("status").json().at("state") == "online"; }));
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
