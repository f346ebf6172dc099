// The agent with two gateways before one store, of which the first is killed.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "tests/support/wait.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr milliseconds kFailover{15000};

class UploadFailoverTest : public testing::Test {
 protected:
  UploadFailoverTest() : rig({.s3 = true}), second(rig.s3().start_second()) {
    rig.add_camera("front", "test://pattern");
    rig.config()["upload"]["fallback_endpoints"] = {second};
    rig.config()["upload"]["return_after_s"] = 1;
    rig.config()["telemetry"] = {{"interval_s", 1}};
  }
  std::string record() {
    const Started started = rig.start_recording("front", {{"duration_ms", 400}});
    return rig.wait_clip_ready(started.recording_id).value("clip_id", "");
  }
  Json target() { return rig.result("upload.status", Json::object()).at("target"); }
  bool tells_of_the_fallback() const {
    const Json status = rig.newest_status();
    const Json problems = status.is_object() ? status.at("problems") : Json::array();
    return std::any_of(problems.begin(), problems.end(), [&](const Json& problem) {
      return problem.at("code") == "upload_fallback" &&
             problem.at("message").get<std::string>().find(second) != std::string::npos;
    });
  }

  Rig rig;
  const std::string second;
};

TEST_F(UploadFailoverTest, ClipsGoByTheOtherGatewayAndTheFirstIsReturnedTo) {
  rig.start();
  rig.wait_uploaded(record());
  EXPECT_EQ(target().at("endpoint"), rig.s3().endpoint());
  EXPECT_EQ(target().at("fallback"), false);

  rig.s3().kill();
  const std::string clip = record();
  const MonoTime ready = Clock::system().mono();
  rig.wait_uploaded(clip, kFailover);
  std::cout << "uploaded " << to_ms(Clock::system().mono() - ready) << " ms after it was ready\n";
  EXPECT_EQ(target().at("endpoint"), second);
  EXPECT_EQ(target().at("fallback"), true);
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return tells_of_the_fallback(); })) << rig.newest_status();
  const std::string url = rig.result("clip.url", {{"clip_id", clip}}).at("url");
  EXPECT_TRUE(url.starts_with(second)) << url;

  rig.s3().start();
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return !tells_of_the_fallback(); })) << rig.newest_status();
  rig.wait_uploaded(record());
  EXPECT_EQ(target().at("endpoint"), rig.s3().endpoint());
  EXPECT_EQ(rig.events("clip.uploaded").size(), 3u);
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
