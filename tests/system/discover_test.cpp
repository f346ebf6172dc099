// camera.discover against simulated cameras on this machine.
#include <gtest/gtest.h>

#include "tests/support/http_camera.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

class DiscoverTest : public testing::Test {
 protected:
  DiscoverTest() {
    rig.add_camera("front", "test://pattern?size=64x64&fps=10&gop=10");
    rig.config()["upload"] = {{"target", "none"}};
  }
  // The camera with that URL; null: it is not there.
  static Json camera_of(const Json& result, const std::string& url) {
    for (const Json& one : result.at("cameras"))
      if (one.at("url") == url) return one;
    return nullptr;
  }

  Rig rig;
};

TEST_F(DiscoverTest, FindsCamerasByMulticastAndByAddress) {
  const HttpCamera http({.more = {"--wsd", "127.83.1.1"}});
  const std::string url = "onvif://127.83.1.1:" + std::to_string(http.port());
  rig.start();
  Json found = camera_of(rig.result("camera.discover", {{"timeout_ms", 1500}}), url);
  ASSERT_FALSE(found.is_null());
  EXPECT_EQ(found.at("name"), "SIM Cam");
  EXPECT_EQ(found.at("hardware"), "SIM-2CD");
  const Json one = rig.result("camera.discover", {{"timeout_ms", 800}, {"address", "127.83.1.1"}});
  EXPECT_EQ(one.at("cameras").size(), 1u) << one;
  EXPECT_FALSE(camera_of(one, url).is_null()) << one;
  EXPECT_EQ(one.at("truncated"), false);
  const Json nobody = rig.result("camera.discover", {{"timeout_ms", 500}, {"address", "127.83.1.2"}});
  EXPECT_TRUE(nobody.at("cameras").empty()) << nobody;
  rig.expect_messages_follow_schemas();
}

TEST_F(DiscoverTest, RefusesWhatIsNoMachine) {
  rig.start();
  for (const Json& params :
       {Json{{"address", "239.255.255.250"}}, Json{{"address", "camera.example"}}, Json{{"timeout_ms", 60'000}}}) {
    const Json reply = rig.command("camera.discover", params);
    EXPECT_EQ(reply.value("status", ""), "rejected") << reply;
    EXPECT_EQ(reply.value("code", ""), "invalid_argument") << reply;
  }
  rig.expect_messages_follow_schemas();
}

TEST_F(DiscoverTest, AStopDoesNotWaitForASearch) {
  rig.start();
  const std::string id = rig.probe.send_command(Rig::kDevice, "camera.discover", {{"timeout_ms", 10'000}});
  ASSERT_TRUE(rig.probe.wait_for(
      [&id](const ProbeMessage& m) {
        return m.json().value("command_id", "") == id && m.json().value("status", "") == "accepted";
      },
      Rig::kLimit));
  const MonoTime begin = Clock::system().mono();
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_LT(Clock::system().mono() - begin, 5s);
}

}  // namespace
}  // namespace vedette::test
