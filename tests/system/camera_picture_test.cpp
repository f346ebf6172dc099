// snapshot.take with origin, and what camera.probe says of the device: cameras with a stream (RTSP) and an HTTP side.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/http_camera.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr const char* kPassword = "kanarienvogel&<>";
constexpr int kWidth = 640;  // of the camera's own pictures; its stream has 1280

class CameraOwnPictureTest : public testing::Test {
 protected:
  CameraOwnPictureTest()
      : sim({.media = {footage(Footage::h264_bframes_aac)}, .cameras = 3, .user = "viewer", .password = kPassword}),
        hik({.user = "viewer", .password = kPassword}),
        dahua({.user = "viewer", .password = kPassword}),
        onvif({.user = "viewer",
               .password = kPassword,
               .more = {"--cameras", "3", "--rtsp-port", std::to_string(sim.port())}}) {
    add("hik", sim.vendor_url("hik"), hik.port());
    add("dahua", "dahua://127.0.0.1:" + std::to_string(sim.port()) + "/1/main", dahua.port());
    add("onvif", "onvif://" + onvif.authority() + "/ch3_main", 80);
  }

  void add(const std::string& id, const std::string& url, uint16_t http_port, const std::string& password = kPassword) {
    rig.add_camera(id, url,
                   {{"username", "viewer"},
                    {"password_file", rig.secret_file("password-" + id, password)},
                    {"http_port", http_port}});
  }
  Json take(const std::string& camera_id, Json params = Json::object()) {
    params["camera_id"] = camera_id;
    return rig.command("snapshot.take", params);
  }
  std::string origin(const std::string& camera_id) {
    const Json reply = take(camera_id);
    return reply.at("status") == "succeeded" ? reply.at("result").value("origin", "") : reply.value("code", "");
  }
  void expect_nothing_said() const {
    EXPECT_EQ(rig.vedette->log().find("kanarienvogel"), std::string::npos);
    for (const ProbeMessage& message : rig.probe.messages())
      EXPECT_EQ(message.payload.find("kanarienvogel"), std::string::npos) << message.topic;
  }

  Rig rig;
  CameraSim sim;
  HttpCamera hik, dahua, onvif;
};

TEST_F(CameraOwnPictureTest, IsTakenWhenTheStreamIsDown) {
  rig.start();
  for (const char* id : {"hik", "dahua", "onvif"}) {
    EXPECT_EQ(origin(id), "ring") << id;
    const Json own = take(id, {{"origin", "camera"}});
    ASSERT_EQ(own.at("status"), "succeeded") << id << own;
    EXPECT_EQ(own.at("result").at("origin"), "camera");
    EXPECT_EQ(own.at("result").at("width_px"), kWidth);
  }
  sim.kill();
  for (const char* id : {"hik", "dahua", "onvif"}) {
    ASSERT_TRUE(eventually(Rig::kLimit, [&] { return origin(id) == "camera"; })) << id;
    const Json auto_taken = take(id, {{"width_px", 320}, {"fresh", true}}).at("result");
    EXPECT_EQ(auto_taken.at("origin"), "camera");
    EXPECT_EQ(auto_taken.at("width_px"), 320);
    EXPECT_EQ(auto_taken.at("height_px"), 180);
    EXPECT_LT(auto_taken.value("frame_age_ms", 1e9), 10'000) << "since it arrived";
    const Json event = rig.event("snapshot.ready", "snapshot_id", auto_taken.at("snapshot_id"));
    EXPECT_EQ(event.at("data").at("origin"), "camera");
    const Json ring = take(id, {{"origin", "ring"}});
    EXPECT_EQ(ring.at("code"), "camera_unavailable") << ring;
  }
  // A picture from before the stream went down is better than none; and without either, both reasons are told.
  hik.pictures("fault=busy");
  const Json old = take("hik");
  EXPECT_EQ(old.at("status"), "succeeded") << old;
  EXPECT_EQ(old.at("result").at("origin"), "ring");
  EXPECT_GT(old.at("result").value("frame_age_ms", 0), 5000);
  const Json none = take("hik", {{"fresh", true}});
  EXPECT_EQ(none.at("code"), "busy") << none;
  EXPECT_NE(none.value("message", "").find("unreachable"), std::string::npos) << none;

  sim.start();
  EXPECT_TRUE(eventually(Rig::kLimit * 3, [&] { return origin("hik") == "ring"; }));
  EXPECT_EQ(take("hik", {{"origin", "camera"}, {"at", to_rfc3339(Clock::system().utc())}}).at("code"),
            "invalid_argument");
  expect_nothing_said();
  rig.expect_messages_follow_schemas();
}

TEST_F(CameraOwnPictureTest, FiftyAtOnceCostTheCameraOneRequestOrTwo) {
  rig.start();
  for (const auto& [id, http] : {std::pair("hik", &hik), std::pair("dahua", &dahua)}) {
    for (const bool fresh : {false, true}) {
      const int before = http->pictures("fault=hold").asked;
      const size_t mark = rig.probe.mark();
      std::vector<std::string> ids;
      for (int i = 0; i < 50; ++i)
        ids.push_back(rig.send(
            "snapshot.take",
            {{"camera_id", id}, {"origin", "camera"}, {"fresh", fresh}, {"width_px", 160}, {"timeout_ms", 60'000}}));
      const auto accepted = [](const ProbeMessage& message) {
        return message.json().value("status", "") == "accepted";
      };
      ASSERT_TRUE(eventually(Rig::kLimit, [&] { return rig.probe.count(accepted, mark) == ids.size(); }));
      http->pictures("fault=none");
      for (const std::string& command_id : ids) {
        const Json reply = rig.probe.final_reply(command_id);
        ASSERT_EQ(reply.value("status", ""), "succeeded") << reply;
        EXPECT_EQ(reply.at("result").at("width_px"), 160);
      }
      const HttpCamera::Pictures counted = http->pictures();
      EXPECT_LE(counted.asked - before, 2) << id;
      EXPECT_GE(counted.asked - before, 1) << id;
      EXPECT_EQ(counted.at_once, 1);
    }
  }
  EXPECT_GE(dahua.pictures().gap_ms, 1000) << "no faster than it bears";
}

TEST_F(CameraOwnPictureTest, AHangingCameraHoldsUpNobodyElse) {
  rig.start();
  hik.pictures("fault=hang");
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i)
    ids.push_back(
        rig.probe.send_command(Rig::kDevice, "snapshot.take",
                               {{"camera_id", "hik"}, {"origin", "camera"}, {"timeout_ms", i == 1 ? 1500 : 100'000}}));
  EXPECT_EQ(rig.probe.final_reply(ids[1]).at("code"), "timed_out") << "though it waits behind another";
  for (const char* id : {"hik", "dahua"}) EXPECT_EQ(origin(id), "ring");
  EXPECT_EQ(take("dahua", {{"origin", "camera"}}).at("status"), "succeeded");
  const MonoTime begin = Clock::system().mono();
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_LT(Clock::system().mono() - begin, 5s);
}

TEST_F(CameraOwnPictureTest, AWrongPasswordIsSaidAndNotTriedAgain) {
  add("web", sim.vendor_url("hik", 2), hik.port(), "kanarienvogel-zwei");
  rig.config()["cameras"]["web"]["url"] = "hik://127.0.0.1:" + std::to_string(free_port()) + "/1/main";  // no stream
  add("locked", sim.vendor_url("hik", 3), onvif.port(), "kanarienvogel-drei");
  rig.start({"hik", "dahua", "onvif"});
  ASSERT_TRUE(rig.probe.wait_for_state("/camera/locked/state", "auth_failed", Rig::kLimit));
  ASSERT_TRUE(rig.probe.wait_for_state("/camera/web/state", "unreachable", Rig::kLimit));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(take("web").at("code"), "forbidden");
    EXPECT_EQ(take("web", {{"origin", "camera"}}).at("code"), "forbidden");
  }
  EXPECT_EQ(hik.pictures().wrong, 1);
  const int before = onvif.pictures().wrong;
  EXPECT_EQ(take("locked", {{"origin", "camera"}}).at("code"), "forbidden");
  EXPECT_EQ(take("locked").at("code"), "camera_unavailable");
  EXPECT_EQ(onvif.pictures().wrong, before) << "the stream's refusal is enough";
  expect_nothing_said();
  rig.expect_messages_follow_schemas();
}

TEST_F(CameraOwnPictureTest, ProbeSaysWhatTheCameraIs) {
  add("mute", sim.vendor_url("hik", 2), free_port());
  rig.add_camera("plain", sim.url(3), rig.config()["cameras"]["hik"]);
  rig.config()["cameras"]["plain"]["url"] = sim.url(3);
  rig.start();
  const auto probed = [&](const Json& params) { return rig.result("camera.probe", params); };
  EXPECT_EQ(probed({{"camera_id", "hik"}}).at("device"), Json::parse(R"({"maker": "Hikvision", "model": "SIM-2CD",
      "firmware": "V5.5.0 build 180725", "serial": "SIM00001", "name": "SIM"})"));
  EXPECT_EQ(probed({{"camera_id", "dahua"}}).at("device").at("model"), "SIM-HDW");
  const Json by_url =
      probed({{"url", "onvif://" + onvif.authority()}, {"auth_camera_id", "onvif"}, {"timeout_ms", 20'000}});
  EXPECT_EQ(by_url.at("device").at("firmware"), "1.2.3") << by_url;
  const auto warns = [](const Json& result) {
    std::set<std::string> codes;
    for (const Json& warning : result.at("warnings")) codes.insert(warning.at("code").get<std::string>());
    return codes.count("device_unknown") > 0;
  };
  const Json mute = probed({{"camera_id", "mute"}});
  EXPECT_FALSE(mute.contains("device"));
  EXPECT_TRUE(warns(mute)) << mute;
  const Json plain = probed({{"camera_id", "plain"}});
  EXPECT_FALSE(plain.contains("device"));
  EXPECT_FALSE(warns(plain)) << "there is nobody to ask";
  expect_nothing_said();
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
