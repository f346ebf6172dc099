// Whatever arrives gets the contract's answer, and disturbs nothing.
#include <gtest/gtest.h>

#include "core/ids.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

const std::string kBase = std::string("vedette/v1/") + Rig::kDevice;
// What has no usable id is answered at most once a second.
constexpr milliseconds kAnonymousPause{1000};

std::string command_text(const std::string& id, const std::string& params) {
  return R"({"v":1,"id":")" + id + R"(","ts":"2026-11-20T08:31:29.123Z","params":)" + params + "}";
}

class BadInputTest : public testing::Test {
 protected:
  BadInputTest() {
    rig.add_camera("front", "test://pattern?size=640x360&fps=25&gop=25");
    rig.start();
  }

  ProbeMessage message(const std::string& verb, const std::string& payload) {
    ProbeMessage out;
    out.topic = kBase + "/command/" + verb;
    out.payload = payload;
    out.response_topic = kBase + "/reply/bad";
    out.correlation = new_id();
    return out;
  }

  // The reply with this correlation, or null.
  Json reply_to(const std::string& correlation, milliseconds limit, size_t from = 0) {
    const auto found = rig.probe.wait_for(
        [&](const ProbeMessage& m) {
          return m.topic.find("/reply/") != std::string::npos && m.correlation == correlation;
        },
        limit, from);
    return found ? found->json() : Json();
  }

  // The answer to something without a usable id, sent again when it came too soon after the one before.
  Json ask_anonymously(const std::string& payload, const std::string& verb = "recording.start") {
    constexpr int kTries = 10;
    for (int i = 0; i < kTries; ++i) {
      const ProbeMessage sent = message(verb, payload);
      EXPECT_TRUE(rig.probe.publish(sent));
      const Json reply = reply_to(sent.correlation, kAnonymousPause);
      if (reply.is_object()) return reply;
    }
    ADD_FAILURE() << "no answer to " << payload.substr(0, 100);
    return Json::object();
  }

  Json ask(const std::string& verb, const std::string& payload) {
    const ProbeMessage sent = message(verb, payload);
    EXPECT_TRUE(rig.probe.publish(sent));
    const Json reply = reply_to(sent.correlation, Rig::kLimit);
    EXPECT_TRUE(reply.is_object()) << "no answer to " << payload.substr(0, 100);
    return reply.is_object() ? reply : Json::object();
  }

  void expect_anonymous(const std::string& payload, const std::string& code) {
    const Json reply = ask_anonymously(payload);
    EXPECT_EQ(reply.at("status"), "rejected") << reply;
    EXPECT_EQ(reply.at("code"), code) << reply;
    EXPECT_TRUE(reply.at("command_id").is_null()) << reply;
    EXPECT_FALSE(reply.value("message", "").empty());
  }

  void expect_rejected(const std::string& verb, const std::string& params, const std::string& code,
                       const std::string& path = {}) {
    const std::string id = new_id();
    const Json reply = ask(verb, command_text(id, params));
    EXPECT_EQ(reply.at("status"), "rejected") << verb << params << reply;
    EXPECT_EQ(reply.at("code"), code) << verb << params << reply;
    EXPECT_EQ(reply.at("command_id"), id);
    EXPECT_EQ(reply.at("verb"), verb);
    EXPECT_FALSE(reply.value("message", "").empty());
    if (path.empty()) return;
    std::vector<std::string> paths;
    for (const Json& error : reply.at("errors")) paths.push_back(error.at("path"));
    EXPECT_EQ(paths.at(0), path) << reply;
    EXPECT_EQ(reply.at("message").get<std::string>().find(path), 0u) << reply;
  }

  Rig rig;
};

TEST_F(BadInputTest, GetsItsCodeAndDisturbsNoRecording) {
  ASSERT_TRUE(rig.wait_for_ring("front", 1000ms));
  const Started running = rig.start_recording("front", {{"recording_id", "running"}});

  const std::string id = new_id();
  const std::string good = R"({"camera_id":"front"})";
  expect_anonymous("{\"v\":1,", "invalid_json");
  expect_anonymous("", "invalid_json");
  expect_anonymous("[1,2", "invalid_json");
  expect_anonymous("\xff\xfe\x80", "invalid_json");
  expect_anonymous(std::string("{\"v\":1,\"id\":\"") + '\0' + "\"}", "invalid_json");
  expect_anonymous(command_text(id, R"({"camera_id":"front","labels":[")" + std::string(100'000, 'x') + "\"]}"),
                   "payload_too_large");
  expect_anonymous(command_text(id, std::string(1000, '[') + std::string(1000, ']')), "invalid_json");
  expect_anonymous(command_text(id, R"({"camera_id":"front","camera_id":"back"})"), "invalid_json");
  expect_anonymous(R"({"v":1,"id":"../../etc","params":{}})", "invalid_argument");
  expect_anonymous(R"({"v":1,"params":{}})", "invalid_argument");
  expect_anonymous("[]", "invalid_argument");

  expect_rejected("recording.explode", "{}", "unknown_verb");
  expect_rejected("recording.start", R"({"camera_id":7})", "invalid_argument", "/params/camera_id");
  expect_rejected("recording.start", R"({"camera_id":"front","duration_ms":"long"})", "invalid_argument",
                  "/params/duration_ms");
  expect_rejected("recording.start", R"({"camera_id":"front","duration_ms":0})", "invalid_argument",
                  "/params/duration_ms");
  expect_rejected("recording.start", R"({"camera_id":"front","duration_ms":1e30})", "invalid_argument",
                  "/params/duration_ms");
  expect_rejected("recording.start", R"({"camera_id":"front","colour":"red"})", "invalid_argument", "/params/colour");
  expect_rejected("recording.start", "{}", "invalid_argument", "/params/camera_id");
  expect_rejected("recording.start", "[]", "invalid_argument", "/params");
  expect_rejected("recording.start", R"({"camera_id":"front","pre_roll_ms":1,"start":"2026-11-20T08:31:29.123Z"})",
                  "invalid_argument", "/params/pre_roll_ms");
  expect_rejected("recording.start", R"({"camera_id":"nobody"})", "not_found");
  for (const char* path : {"../front", "front/..", "front\\u0000", "/etc/passwd", "front+", "#", "."}) {
    const std::string quoted = std::string("\"") + path + "\"";
    if (std::string(path).find("u0000") == std::string::npos)
      expect_rejected("recording.start", R"({"camera_id":)" + quoted + "}", "invalid_argument", "/params/camera_id");
    else
      expect_anonymous(command_text(new_id(), R"({"camera_id":)" + quoted + "}"), "invalid_json");
  }
  expect_rejected("recording.start", R"({"camera_id":"front","recording_id":"../../x"})", "invalid_argument",
                  "/params/recording_id");
  expect_rejected("clip.get", R"({"clip_id":"../../etc/passwd"})", "invalid_argument", "/params/clip_id");
  expect_rejected("snapshot.take", R"({"camera_id":"front","width_px":-1})", "invalid_argument", "/params/width_px");
  expect_rejected("agent.ping", R"({"x":1})", "invalid_argument", "/params/x");

  Json version = Json::parse(command_text(new_id(), good));
  version["v"] = 2;
  EXPECT_EQ(ask("recording.start", version.dump()).at("code"), "unsupported_version");
  version["v"] = 1;
  version["id"] = new_id();
  version["expires_at"] = "2020-01-01T00:00:00Z";
  const Json expired = ask("recording.start", version.dump());
  EXPECT_EQ(expired.at("status"), "expired");
  EXPECT_EQ(expired.at("code"), "expired");

  EXPECT_EQ(rig.start_recording("front", {{"recording_id", "running"}}).result.at("already_running"), true);
  EXPECT_EQ(rig.result("recording.list", Json::object()).at("recordings").size(), 1u);
  rig.result("recording.stop", {{"recording_id", "running"}});
  const Json clip = rig.clip(rig.wait_clip_ready("running").at("clip_id"));
  EXPECT_EQ(clip.at("gaps").size(), 0u);
  const auto times = burnt_in_times(rig.file_of(clip.at("clip_id")), 640);
  EXPECT_GE(static_cast<int64_t>(times.size()), to_ms(running.answered - running.asked) / 40);
  EXPECT_EQ(find_jump(times, 40ms), "");
  EXPECT_EQ(rig.result("clip.query", Json::object()).at("clips").size(), 1u);
  rig.expect_messages_follow_schemas();
}

TEST_F(BadInputTest, RunsNothingTwiceAndRefusesWhatWasRetained) {
  // The same id gives the same reply, whatever else is in it, and after a restart too.
  const std::string id = new_id();
  const std::string start = command_text(id, R"({"camera_id":"front","duration_ms":60000})");
  const Json first = ask("recording.start", start);
  EXPECT_EQ(first.at("status"), "succeeded");
  const Json again = ask("recording.start", start);
  EXPECT_EQ(again.at("id"), first.at("id"));
  EXPECT_EQ(again.at("result"), first.at("result"));
  EXPECT_EQ(rig.result("recording.list", Json::object()).at("recordings").size(), 1u);

  // Twice while it is carried out: a fresh picture takes up to a GOP.
  const std::string snapshot = command_text(new_id(), R"({"camera_id":"front","fresh":true})");
  const ProbeMessage one = message("snapshot.take", snapshot);
  ProbeMessage two = message("snapshot.take", snapshot);
  EXPECT_TRUE(rig.probe.publish(one));
  EXPECT_TRUE(rig.probe.publish(two));
  EXPECT_EQ(reply_to(one.correlation, Rig::kLimit).at("status"), "accepted");
  const Json second = reply_to(two.correlation, Rig::kLimit);
  EXPECT_TRUE(second.at("code") == "duplicate_in_progress" || second.at("status") == "succeeded") << second;

  // A response topic of somebody else is not published to.
  ProbeMessage foreign = message("recording.start", command_text(new_id(), R"({"camera_id":"front"})"));
  for (const char* topic : {"vedette/v1/edge-02/command/recording.start", "vedette/v1/edge-01/status", "a"}) {
    foreign.response_topic = topic;
    foreign.correlation = new_id();
    Json json = Json::parse(foreign.payload);
    json["id"] = new_id();
    foreign.payload = json.dump();
    EXPECT_TRUE(rig.probe.publish(foreign));
    const Json reply = reply_to(foreign.correlation, Rig::kLimit);
    EXPECT_EQ(reply.at("code"), "invalid_argument") << reply;
    EXPECT_EQ(reply.at("command_id"), json.at("id"));
    EXPECT_EQ(rig.probe.count(
                  [&](const ProbeMessage& m) { return m.topic == topic && m.correlation == foreign.correlation; }),
              0u);
  }

  // Retained while the agent is there, and before it comes.
  ProbeMessage retained = message("recording.start", command_text(new_id(), R"({"camera_id":"front"})"));
  retained.retain = true;
  EXPECT_TRUE(rig.probe.publish(retained));
  const Json live = reply_to(retained.correlation, Rig::kLimit);
  EXPECT_EQ(live.at("code"), "retained_not_allowed") << live;
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  const size_t before = rig.probe.mark();
  rig.start();
  const Json late = reply_to(retained.correlation, Rig::kLimit, before);
  EXPECT_EQ(late.at("code"), "retained_not_allowed") << late;
  EXPECT_EQ(late.at("status"), "rejected");

  const Json after = ask("recording.start", start);
  EXPECT_EQ(after.at("id"), first.at("id")) << after;
  EXPECT_EQ(after.at("result"), first.at("result"));
  EXPECT_EQ(rig.result("recording.list", Json::object()).at("recordings").size(), 0u);
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
