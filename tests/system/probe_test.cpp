// camera.probe against simulated cameras.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

std::set<std::string> warnings(const Json& result) {
  std::set<std::string> codes;
  for (const Json& warning : result.at("warnings")) codes.insert(warning.at("code").get<std::string>());
  return codes;
}

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

class ProbeTest : public testing::Test {
 protected:
  Json refused(const Json& params, const std::string& code, const std::string& status = "rejected") {
    const Json reply = rig.command("camera.probe", params);
    EXPECT_EQ(reply.value("status", ""), status) << reply;
    EXPECT_EQ(reply.value("code", ""), code) << reply;
    return reply;
  }

  Rig rig;
};

TEST_F(ProbeTest, TellsWhatACameraSends) {
  CameraSim& sim = rig.add_sim({"front", "spare"}, {footage(Footage::h264_bframes_aac), footage(Footage::h264_pcmu)});
  rig.config()["cameras"]["spare"]["enabled"] = false;
  rig.start({"front"});
  ASSERT_TRUE(rig.wait_for_ring("front", milliseconds(7000)));

  const size_t sessions = count(sim.log(), "client connected");
  const Json streaming = rig.result("camera.probe", {{"camera_id", "front"}});
  EXPECT_EQ(count(sim.log(), "client connected"), sessions) << "no second connection";
  EXPECT_EQ(streaming.at("codec"), "h264");
  EXPECT_EQ(streaming.at("profile"), "high");
  EXPECT_EQ(streaming.at("width_px"), 1280);
  EXPECT_EQ(streaming.at("height_px"), 720);
  EXPECT_NEAR(streaming.at("fps").get<double>(), 25, 1);
  EXPECT_NEAR(streaming.at("gop_ms").get<double>(), 3000, 60);
  EXPECT_EQ(streaming.at("audio"), "aac");
  EXPECT_EQ(streaming.at("audio_sample_rate_hz"), 48'000);
  EXPECT_EQ(warnings(streaming), (std::set<std::string>{"b_frames"}));
  EXPECT_FALSE(streaming.contains("first_packet_ms")) << "nothing was connected";

  // By URL, with the password of a camera of the same host; and one that is off, by its id.
  const Json by_url =
      rig.result("camera.probe", {{"url", sim.url(2)}, {"auth_camera_id", "front"}, {"timeout_ms", 20'000}});
  Json reply;
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {  // a camera needs a moment to see that the session before has ended
    reply = rig.command("camera.probe", {{"camera_id", "spare"}, {"timeout_ms", 20'000}});
    return reply.at("code") != "busy";
  }));
  ASSERT_TRUE(reply.contains("result")) << reply;
  const Json by_id = reply.at("result");
  for (const Json* result : {&by_url, &by_id}) {
    EXPECT_EQ(result->at("codec"), "h264");
    EXPECT_EQ(result->at("width_px"), 640);
    EXPECT_EQ(result->at("height_px"), 360);
    EXPECT_NEAR(result->at("fps").get<double>(), 15, 1);
    EXPECT_GT(result->value("gop_ms", 0), 0);
    EXPECT_GT(result->value("bitrate_bps", 0), 0);
    EXPECT_EQ(result->at("audio"), "pcmu");
    EXPECT_TRUE(warnings(*result).count("audio_left_out")) << *result;
    EXPECT_GT(result->value("first_keyframe_ms", 0), 0);
    EXPECT_LE(result->value("first_packet_ms", 0), result->value("first_keyframe_ms", -1));
  }
  rig.expect_messages_follow_schemas();
}

TEST_F(ProbeTest, TellsHowFarOffTheCamerasClockIs) {
  const CameraSim sim({.media = {footage(Footage::h264_no_audio)}, .more = {"--clock-offset", "3600"}});
  rig.add_camera("front", sim.url());
  rig.start();
  Json result;
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {  // sender reports come every few seconds
    result = rig.result("camera.probe", {{"camera_id", "front"}});
    return result.contains("clock_offset_ms");
  }));
  EXPECT_NEAR(result.at("clock_offset_ms").get<double>(), 3'600'000, 1000);
  EXPECT_TRUE(warnings(result).count("clock_off"));
  EXPECT_TRUE(warnings(result).count("no_audio"));
}

TEST_F(ProbeTest, SaysWhatStandsInTheWay) {
  CameraSim& sim = rig.add_sim({"front", "locked"}, {footage(Footage::h264_no_audio)});
  rig.config()["cameras"]["locked"]["password_file"] = rig.secret_file("wrong", "falsches-passwort");
  rig.add_camera("gone", "rtsp://127.0.0.1:" + std::to_string(free_port()) + "/nobody", {{"enabled", false}});
  rig.start({"front"});
  ASSERT_TRUE(rig.probe.wait_for_state("/camera/locked/state", "auth_failed", Rig::kLimit));

  refused({{"camera_id", "locked"}}, "forbidden");
  refused({{"url", sim.url()}}, "forbidden", "failed");
  refused({{"url", sim.url()}, {"auth_camera_id", "locked"}}, "forbidden", "failed");
  refused({{"camera_id", "gone"}}, "camera_unavailable", "failed");
  refused({{"camera_id", "nobody"}}, "not_found");
  refused({{"url", "rtsp://viewer:geheim@127.0.0.1/"}}, "invalid_argument");
  refused({{"url", "file:///etc/passwd"}}, "forbidden");
  refused({{"url", "test://pattern"}}, "forbidden");
  refused({{"url", "gopher://127.0.0.1/"}}, "unsupported");

  // A password goes to no other place than its camera: that server hears nothing.
  const CameraSim stranger({.media = {footage(Footage::h264_no_audio)}, .user = "x", .password = "y"});
  refused({{"url", stranger.url()}, {"auth_camera_id", "front"}}, "forbidden");
  EXPECT_EQ(count(stranger.log(), "client connected"), 0u) << stranger.log();

  // A server that never answers costs the time that was given, and holds up nothing else.
  stranger.pause();
  const Json silent = refused({{"url", stranger.url()}, {"timeout_ms", 1500}}, "timed_out", "failed");
  EXPECT_LT(silent.value("took_ms", 1e9), 10'000);
  stranger.resume();
  rig.result("agent.ping", Json::object());
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
