// Cameras that tell what they notice, and what is recorded of it.
#include <gtest/gtest.h>

#include "tests/support/certificates.h"
#include "tests/support/http_camera.h"
#include "tests/support/media.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr microseconds kFrame = 100ms;  // of the footage

UtcTime time_of(const Json& text) {
  return from_rfc3339(text.get<std::string>()).value();
}

class CameraEventsTest : public testing::Test {
 protected:
  // An installation with one camera of that maker, which streams and tells its events.
  void start(const std::string& scheme, const Json& rule, const Json& upload = {{"target", "none"}}) {
    CameraSim& sim = rig.add_sim({"front"}, {footage(Footage::h264_no_audio)});
    Json& front = rig.config()["cameras"]["front"];
    http.emplace(HttpCameraOptions{.user = front["username"], .password = "kamera-passwort"});
    front["url"] = sim.vendor_url(scheme);
    front.update({{"events", true}, {"http_port", http->port()}, {"event_hold_s", 2}, {"on_event", rule}});
    rig.config()["upload"] = upload;
    rig.start();
    ASSERT_TRUE(rig.vedette->wait_for_log("the camera tells its events", Rig::kLimit));
    ASSERT_TRUE(rig.wait_for_ring("front", 4s));
  }
  // The same with one that is asked over ONVIF where its stream is and what it notices, by HTTPS.
  void start_onvif(const Json& rule) {
    CameraSim& sim = rig.add_sim({"front"}, {footage(Footage::h264_no_audio)});
    certificates.emplace(dir.path());
    Json& front = rig.config()["cameras"]["front"];
    http.emplace(HttpCameraOptions{
        .user = front["username"],
        .password = "kamera-passwort",
        .cert = certificates->server_cert,
        .key = certificates->server_key,
        .more = {"--rtsp-port", std::to_string(sim.port()), "--onvif-host", "10.9.9.9", "--clock-offset", "-86400"}});
    front["url"] = "onvif://127.0.0.1/ch1_main";
    front.update({{"events", true},
                  {"http_port", http->port()},
                  {"http_tls", true},
                  {"event_hold_s", 2},
                  {"ca_file", certificates->ca.string()},
                  {"on_event", rule}});
    rig.config()["upload"] = {{"target", "none"}};
    rig.start();
    ASSERT_TRUE(rig.vedette->wait_for_log("the camera tells its events", Rig::kLimit));
    ASSERT_TRUE(rig.wait_for_ring("front", 4s));
  }
  void say(const std::string& type, const std::string& state) {
    http->simulate("event?type=" + type + "&state=" + state);
  }
  // The instant that the event of the type about `vendor_type` is dated, the first from the mark on.
  UtcTime instant(const std::string& type, const std::string& vendor_type) {
    return time_of(rig.event(type, "vendor_type", vendor_type, Rig::kLimit, mark).at("ts"));
  }
  void expect_near(UtcTime a, UtcTime b) {
    EXPECT_LE(std::chrono::abs(a - b), kFrame) << to_rfc3339(a) << " " << to_rfc3339(b);
  }

  Rig rig;
  TempDir dir;
  std::optional<Certificates> certificates;
  std::optional<HttpCamera> http;
  size_t mark = 0;
};

TEST_F(CameraEventsTest, AllThatOverlapsIsOneClipFromPreRollToPostRoll) {
  start("hik", {{"type", "motion"}, {"pre_roll_ms", 2000}, {"post_roll_ms", 3000}, {"labels", {"yard", "night"}}});
  say("VMD", "active");
  const UtcTime began = instant("motion.started", "VMD");
  say("PIR", "active");
  instant("motion.started", "PIR");
  say("VMD", "inactive");
  instant("motion.ended", "VMD");
  say("linedetection", "active");  // told, but no rule is about it
  EXPECT_EQ(rig.event("motion.started", "vendor_type", "linedetection").at("data").at("type"), "line_crossing");
  say("PIR", "inactive");
  instant("motion.ended", "PIR");
  mark = rig.probe.mark();
  say("VMD", "active");  // in the post-roll
  instant("motion.started", "VMD");
  say("VMD", "silent");
  const Json ended = rig.event("motion.ended", "vendor_type", "VMD", Rig::kLimit, mark);
  EXPECT_GE(ended.at("data").value("duration_ms", 0), 1900) << "silence for event_hold_s is its end";

  const Json stopped = rig.event("recording.stopped", "camera_id", "front");
  EXPECT_EQ(stopped.at("data").at("reason"), "completed");
  ASSERT_EQ(stopped.at("data").at("clip_ids").size(), 1u);
  EXPECT_EQ(rig.events("recording.started").size(), 1u);
  const Json clip = rig.clip(stopped.at("data").at("clip_ids").at(0));
  EXPECT_EQ(clip.at("trigger"), "event");
  EXPECT_EQ(clip.at("labels"), Json({"yard", "night"}));
  expect_near(time_of(clip.at("start")), began - 2s);
  expect_near(time_of(clip.at("end")), time_of(ended.at("ts")) + 3s);
  EXPECT_EQ(decode(rig.file_of(clip.at("clip_id"))).errors, "");
  EXPECT_EQ(rig.vedette->log().find("kamera-passwort"), std::string::npos);
  rig.expect_messages_follow_schemas();
}

TEST_F(CameraEventsTest, WhatIsRecordedOnEventsIsUploadedBeforeWhatIsRecordedAnyway) {
  const Json always = Json::array({{{"from", "00:00"}, {"to", "24:00"}}});
  rig.add_camera("hall", "test://pattern?size=320x180&fps=10&gop=10", {{"record", "continuous"}});
  rig.add_camera("gate", "test://pattern?size=320x180&fps=10&gop=10", {{"record", "schedule"}, {"schedule", always}});
  rig.config()["recording"] = {{"segment_s", 2}};
  start("dahua", {{"type", "motion"}, {"post_roll_ms", 500}}, {{"target", "directory"}});
  rig.result("upload.pause", Json::object());
  const auto waiting = [&] { return rig.result("upload.status", Json::object()).at("queue").at("by_priority"); };
  EXPECT_FALSE(waiting().contains("high"));
  mark = rig.probe.mark();
  say("VideoMotion", "active");
  instant("motion.started", "VideoMotion");
  say("VideoMotion", "inactive");
  for (const char* camera : {"front", "hall", "gate"}) rig.event("clip.ready", "camera_id", camera, Rig::kLimit, mark);
  const Json by_priority = waiting();
  EXPECT_GE(by_priority.value(Json::json_pointer("/high/rows"), 0), 2) << by_priority << "\na clip and its manifest";
  EXPECT_GE(by_priority.value(Json::json_pointer("/low/rows"), 0), 4) << by_priority << "\ntwo of these";
  EXPECT_FALSE(by_priority.contains("normal")) << by_priority;
}

TEST_F(CameraEventsTest, WhatLastsLongerThanARecordingMayIsRecordedOn) {
  rig.config()["recording"] = {{"max_duration_s", 3}};
  start("dahua",
        Json::array({{{"type", "tampering"}}, {{"type", "motion"}, {"pre_roll_ms", 1000}, {"post_roll_ms", 1000}}}));
  say("VideoMotion", "active");
  const UtcTime began = instant("motion.started", "VideoMotion");
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return rig.events("clip.ready").size() >= 2; }));
  say("VideoMotion", "inactive");
  const UtcTime over = instant("motion.ended", "VideoMotion");
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {
    const auto stopped = rig.events("recording.stopped");
    return !stopped.empty() && stopped.back().at("data").at("reason") == "completed";
  }));
  const auto clips = rig.events("clip.ready");
  ASSERT_GE(clips.size(), 3u);
  expect_near(time_of(clips.front().at("data").at("start")), began - 1s);
  for (size_t i = 1; i < clips.size(); ++i)
    expect_near(time_of(clips[i].at("data").at("start")), time_of(clips[i - 1].at("data").at("end")));
  expect_near(time_of(clips.back().at("data").at("end")), over + 1s);
  rig.expect_messages_follow_schemas();
}

TEST_F(CameraEventsTest, WhatIsStoppedByCommandIsNotBegunAgainForTheSameEvent) {
  start("dahua", {{"type", "motion"}});
  say("VideoMotion", "active");
  const std::string id = rig.event("recording.started", "camera_id", "front").at("data").at("recording_id");
  rig.result("recording.stop", {{"recording_id", id}});
  EXPECT_EQ(rig.event("recording.stopped", "recording_id", id).at("data").at("reason"), "stopped");
  say("VideoMotion", "inactive");
  instant("motion.ended", "VideoMotion");
  EXPECT_EQ(rig.events("recording.started").size(), 1u);
  say("VideoMotion", "active");
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return rig.events("recording.started").size() == 2; }));
}

TEST_F(CameraEventsTest, OnvifCamerasAreRecordedAndUnsubscribedFromAtTheEnd) {
  const std::string motion = "tns1:RuleEngine/CellMotionDetector/Motion", line = "tns1:RuleEngine/LineDetector/Crossed";
  start_onvif({{"type", "motion"}, {"pre_roll_ms", 2000}, {"post_roll_ms", 2000}});
  say(motion, "active");
  const UtcTime began = instant("motion.started", motion);
  say(line, "pulse");
  EXPECT_EQ(rig.event("motion.started", "vendor_type", line).at("data").at("type"), "line_crossing");
  http->simulate("feeds?do=drop");  // the subscription is lost, the motion goes on
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return http->pull_points().find("alive=1 made=2") == 0; }));
  say(motion, "inactive");
  const UtcTime over = instant("motion.ended", motion);
  const Json stopped = rig.event("recording.stopped", "camera_id", "front");
  EXPECT_EQ(stopped.at("data").at("reason"), "completed");
  EXPECT_EQ(rig.events("recording.started").size(), 1u);
  const Json clip = rig.clip(stopped.at("data").at("clip_ids").at(0));
  expect_near(time_of(clip.at("start")), began - 2s);
  expect_near(time_of(clip.at("end")), over + 2s);
  EXPECT_EQ(decode(rig.file_of(clip.at("clip_id"))).errors, "");
  rig.expect_messages_follow_schemas();
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_EQ(http->pull_points().find("alive=0 made=2"), 0u) << http->pull_points();
  EXPECT_EQ(rig.vedette->log().find("kamera-passwort"), std::string::npos);
}

}  // namespace
}  // namespace vedette::test
