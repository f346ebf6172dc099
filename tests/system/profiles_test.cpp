// Two profiles of a camera: which is recorded, which is shown, and how many sessions that takes.
#include <gtest/gtest.h>

#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr int kMainWidth = 1280, kSubWidth = 640;

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

class ProfilesTest : public testing::Test {
 protected:
  ProfilesTest()
      : sim({.media = {footage(Footage::h264_bframes_aac)},
             .sub_media = {footage(Footage::h264_pcmu)},
             .cameras = 3,
             .user = "viewer",
             .password = "kamera-passwort"}) {
    add("front", 1);
    add("narrow", 2, {{"max_sessions", 1}});
    add("small", 3, {{"record_profile", "sub"}});
    add("broken", 1, {{"sub", {{"url", "rtsp://127.0.0.1:" + std::to_string(free_port()) + "/"}}}});
    add("plain", 1);
    rig.config()["cameras"]["plain"].erase("sub");
  }

  void add(const std::string& id, int channel, const Json& more = Json::object()) {
    Json camera = {{"username", "viewer"},
                   {"password_file", rig.secret_file("camera-password", "kamera-passwort")},
                   {"sub", {{"url", sim.url(channel, true)}}}};
    camera.update(more);
    rig.add_camera(id, sim.url(channel), camera);
  }

  int width(const std::string& camera_id, const std::string& profile = {}) {
    Json params = {{"camera_id", camera_id}};
    if (!profile.empty()) params["profile"] = profile;
    return rig.result("snapshot.take", params).value("width_px", 0);
  }
  Json refused(Json params, const std::string& code) {
    const Json reply = rig.command("snapshot.take", params);
    EXPECT_EQ(reply.value("code", ""), code) << reply;
    return reply;
  }
  size_t connected() const { return count(sim.log(), "client connected"); }
  size_t ended() const { return count(sim.log(), "session ended by the client"); }

  Rig rig;
  CameraSim sim;
};

TEST_F(ProfilesTest, EitherIsShownAndOneSessionServesAll) {
  rig.start();
  const size_t before = connected();
  EXPECT_EQ(before, 5u) << "one session a camera";
  EXPECT_EQ(width("front"), kMainWidth);
  EXPECT_EQ(width("front", "main"), kMainWidth);
  EXPECT_EQ(width("small"), kSubWidth) << "sub is recorded";
  EXPECT_EQ(width("small", "sub"), kSubWidth);
  EXPECT_EQ(connected(), before) << "what is recorded needs no session more";

  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(rig.probe.send_command(Rig::kDevice, "snapshot.take", {{"camera_id", "front"}, {"profile", "sub"}}));
  for (const std::string& id : ids) {
    const Json reply = rig.probe.final_reply(id);
    ASSERT_EQ(reply.value("status", ""), "succeeded") << reply;
    EXPECT_EQ(reply.at("result").at("width_px"), kSubWidth);
  }
  EXPECT_EQ(connected(), before + 1) << "one for all five";
  EXPECT_EQ(width("small", "main"), kMainWidth);
  EXPECT_EQ(connected(), before + 2);
  EXPECT_EQ(ended(), 0u);
  EXPECT_EQ(width("front"), kMainWidth) << "the one profile is not taken for the other";

  // No session more than max_sessions, for whatever purpose.
  const Json busy = refused({{"camera_id", "narrow"}, {"profile", "sub"}}, "busy");
  EXPECT_NE(busy.value("message", "").find("max_sessions"), std::string::npos) << busy;
  const Json probe = rig.command("camera.probe", {{"url", sim.url(2, true)}, {"auth_camera_id", "narrow"}});
  EXPECT_EQ(probe.value("code", ""), "busy") << probe;
  refused({{"camera_id", "plain"}, {"profile", "sub"}}, "not_found");
  refused({{"camera_id", "front"}, {"profile", "sub"}, {"at", to_rfc3339(Clock::system().utc())}}, "invalid_argument");
  EXPECT_EQ(connected(), before + 2);
  const Json broken =
      refused({{"camera_id", "broken"}, {"profile", "sub"}, {"timeout_ms", 1500}}, "camera_unavailable");
  EXPECT_EQ(broken.value("status", ""), "failed");

  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return ended() == 2; })) << "closed when nobody uses them any more";
  EXPECT_EQ(width("front", "sub"), kSubWidth) << "and opened again";
  EXPECT_EQ(connected(), before + 3);
  for (const Json& event : rig.events()) EXPECT_NE(event.value("type", ""), "camera.down") << event;
  rig.expect_messages_follow_schemas();
}

TEST_F(ProfilesTest, ClipsAreOfTheConfiguredOne) {
  rig.start({"small", "front"});
  for (const auto& [id, expected] : {std::pair{"small", kSubWidth}, std::pair{"front", kMainWidth}}) {
    const Started started = rig.start_recording(id, {{"duration_ms", 1500}});
    const Json clip = rig.clip(rig.wait_clip_ready(started.recording_id).at("clip_id"));
    EXPECT_EQ(clip.at("width_px"), expected) << clip;
  }
}

}  // namespace
}  // namespace vedette::test
