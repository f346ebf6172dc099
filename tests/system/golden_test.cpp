// One run that has the agent say nearly everything it can say, for the golden messages (tests/golden).
#include <gtest/gtest.h>

#include "core/ids.h"
#include "tests/support/black_hole.h"
#include "tests/support/ports.h"
#include "tests/support/raw_client.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

class GoldenTest : public testing::Test {
 protected:
  GoldenTest() {
    rig.config()["upload"] = {{"target", "directory"}, {"directory", nas().string()}};
    rig.config()["http"] = {{"listen", "127.0.0.1:" + std::to_string(http)}};
    rig.config()["live"]["frames"] = {{"unix", (rig.scratch() / "frames.sock").string()}};
    rig.add_camera("front", "test://pattern?size=320x180&fps=10&gop=10&audio=1");
    rig.note("config", rig.config());
  }
  std::filesystem::path nas() const { return rig.scratch() / "nas"; }

  std::string send(const std::string& verb, const Json& params) {
    return rig.probe.send_command(Rig::kDevice, verb, params,
                                  {{"expires_at", to_rfc3339(Clock::system().utc() + 60s)},
                                   {"actor", "alice@acme"},
                                   {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
  }
  // The result of a command that succeeds.
  Json ask(const std::string& verb, const Json& params = Json::object()) {
    const Json reply = rig.probe.final_reply(send(verb, params), Rig::kLimit);
    EXPECT_EQ(reply.at("status"), "succeeded") << reply;
    return reply.value("result", Json::object());
  }
  void refused(const std::string& verb, const Json& params, const std::string& code) {
    const Json reply = rig.probe.final_reply(send(verb, params), Rig::kLimit);
    EXPECT_EQ(reply.at("code"), code) << reply;
  }
  std::string wait_accepted(const std::string& id) {
    EXPECT_TRUE(rig.probe.wait_for(
        [&](const ProbeMessage& m) { return m.correlation == id && m.json().value("status", "") == "accepted"; },
        Rig::kLimit));
    return id;
  }
  void note_page(const std::string& path, const std::string& schema) {
    const std::string page = RawClient(http)
                                 .send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                                 .read_to_the_end();
    rig.note(schema, Json::parse(page.substr(page.find("\r\n\r\n")), nullptr, false));
  }
  void desire(int version, const Json& config, const std::string& status) {
    const Json message = {{"v", 1}, {"version", version}, {"config", config}};
    ASSERT_TRUE(
        rig.probe.publish({.topic = "vedette/v1/edge-01/config/desired", .payload = message.dump(), .retain = true}));
    EXPECT_TRUE(rig.probe.wait_for(
        [&](const ProbeMessage& m) {
          return m.topic.ends_with("/config/reported") && m.json().at("desired_version") == version &&
                 m.json().at("status") == status;
        },
        Rig::kLimit));
  }

  // The verbs about recordings and clips, those that ask first and those that take away last.
  void run_clip_verbs() {
    const std::string recording =
        ask("recording.start", {{"camera_id", "front"}, {"pre_roll_ms", 500}, {"labels", {"door"}}}).at("recording_id");
    ask("recording.start",
        {{"camera_id", "front"}, {"start", to_rfc3339(Clock::system().utc() + 1h)}, {"recording_id", "later"}});
    ask("recording.list");
    ask("recording.stop", {{"recording_id", recording}});
    ask("recording.stop", {{"recording_id", "later"}});
    const Json ready = rig.wait_clip_ready(recording);
    const std::string clip_id = ready.at("clip_id");
    rig.wait_uploaded(clip_id);
    const Json clip = ask("clip.get", {{"clip_id", clip_id}}).at("clip");
    rig.note("clip", clip);
    ask("clip.query", {{"camera_id", "front"}, {"limit", 1}});
    ask("clip.create", {{"camera_id", "front"}, {"start", clip.at("start")}, {"end", clip.at("end")}});
    ask("clip.upload", {{"clip_id", clip_id}});
    ask("clip.protect", {{"clip_id", clip_id}, {"protected", true}});
    ask("timeline.query", {{"camera_id", "front"}, {"from", clip.at("start")}, {"to", clip.at("end")}});
    for (const auto& entry : std::filesystem::recursive_directory_iterator(nas()))
      if (entry.path().filename() == clip_id + ".json") rig.note("manifest", Json::parse(read_text(entry.path())));
    refused("clip.url", {{"clip_id", clip_id}}, "unsupported");
    ask("upload.pause");
    const Json forced = rig.wait_clip_ready(rig.start_recording("front", {{"duration_ms", 500}}).recording_id);
    ask("clip.delete", {{"clip_ids", {forced.at("clip_id")}}, {"force", true}});
    rig.event("loss.recorded", "reason", "deleted_before_upload");
    rig.note("loss", ask("loss.query", {{"limit", 1}}).at("losses").at(0));
    ask("upload.status");
    ask("upload.resume");
    ask("storage.status");
  }
  void run_camera_verbs() {
    ask("snapshot.take", {{"camera_id", "front"}, {"deliver", "both"}, {"width_px", 160}});
    const std::string stream = ask("stream.open", {{"camera_id", "front"}}).at("stream_id");
    ask("stream.list");
    ask("stream.close", {{"stream_id", stream}});
    ask("camera.probe", {{"camera_id", "front"}});
    ask("camera.discover", {{"timeout_ms", 500}, {"address", "127.83.1.2"}});
    const BlackHole nobody;
    const std::string probe = wait_accepted(send(
        "camera.probe", {{"url", "rtsp://127.0.0.1:" + std::to_string(nobody.port()) + "/1"}, {"timeout_ms", 60'000}}));
    ask("command.cancel", {{"command_id", probe}});
    const size_t from = rig.probe.mark();
    ask("camera.restart", {{"camera_id", "front"}});
    EXPECT_TRUE(rig.probe.wait_for_state("/camera/front/state", "streaming", Rig::kLimit, from));
  }
  void run_agent_verbs() {
    ask("agent.ping");
    ask("agent.rebirth");
    ask("agent.log_level", {{"level", "debug"}});
    ask("agent.diagnostics", {{"upload", "never"}});
    ask("config.report");
    ask("audit.query", {{"limit", 2}});
    refused("agent.ping", {{"x", 1}}, "invalid_argument");
    rig.probe.publish({.topic = "vedette/v1/edge-01/command/agent.ping", .payload = "{"});
    EXPECT_TRUE(
        rig.probe.wait_for([](const ProbeMessage& m) { return m.topic.ends_with("/reply/default"); }, Rig::kLimit));
  }

  const uint16_t http = free_port();
  Rig rig;
};

TEST_F(GoldenTest, SaysNearlyEverything) {
  rig.start();
  ASSERT_TRUE(rig.wait_for_ring("front", 6s));  // camera.restart is busy for 5 s after a connection
  run_clip_verbs();
  run_camera_verbs();
  run_agent_verbs();
  note_page("/healthz", "http_health");
  note_page("/readyz", "http_ready");
  note_page("/debug/threads", "http_threads");
  note_page("/nothing", "http_error");
  desire(1, {{"recording", {{"pre_roll_ms", 500}}}}, "applied");
  desire(2, {{"recording", {{"pre_roll_ms", -1}}}}, "rejected");
  rig.event("config.rejected", "source", "mqtt");
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
