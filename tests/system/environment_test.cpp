// What the environment says upon the configuration file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/rig.h"

namespace vedette::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class EnvironmentTest : public testing::Test {
 protected:
  EnvironmentTest() {
    rig.add_camera("gate-1", "test://pattern?size=320x180&fps=25&gop=25",
                   {{"sub", {{"url", "test://pattern?size=160x90&fps=25&gop=25"}}}});
  }
  // --check of the file that the agent has, with these variables.
  Finished check(std::map<std::string, std::string> variables) {
    ProcessOptions options;
    options.env = std::move(variables);
    write_text(rig.scratch() / "checked.json", rig.config().dump(1));
    return run({VedetteProcess::program().string(), "--config", (rig.scratch() / "checked.json").string(), "--check"},
               milliseconds(60000), options);
  }
  void reload() {
    rig.vedette->write_config(rig.config().dump(1));
    rig.vedette->kill(SIGHUP);
  }

  Rig rig;
};

TEST_F(EnvironmentTest, OverridesTheFileAndIsRefusedWithItsPlace) {
  rig.environment() = {{"VEDETTE__CAMERAS__GATE_1__RECORD_PROFILE", "sub"},
                       {"VEDETTE__RECORDING__SEGMENT_S", "77"},
                       {"VEDETTE__MQTT__PASSWORD", "123456789"}};

  const Finished good = check(rig.environment());
  EXPECT_EQ(good.status, 0) << good.errors;
  EXPECT_THAT(good.errors, HasSubstr("VEDETTE__RECORDING__SEGMENT_S"));
  EXPECT_THAT(good.errors, Not(HasSubstr("123456789")));
  const Finished bad = check({{"VEDETTE__RECORDING__SEGMENT_S", "0"}, {"VEDETTE__LOG_LEVEL", "debug"}});
  EXPECT_EQ(bad.status, 2);
  EXPECT_THAT(bad.errors, HasSubstr(": /recording/segment_s: 0 is less than 1 (VEDETTE__RECORDING__SEGMENT_S)\n"));
  EXPECT_THAT(bad.errors, HasSubstr(": /log_level: is not known (VEDETTE__LOG_LEVEL)\n"));

  rig.start();
  const auto in_force = [&] { return rig.result("config.report", Json::object()).at("config"); };
  EXPECT_EQ(in_force().at("recording").at("segment_s"), 77);
  EXPECT_EQ(in_force().at("mqtt").at("password"), "***");
  EXPECT_EQ(in_force().at("cameras").at("gate-1").at("record_profile"), "sub");

  // The environment of a process stays as it is: a file that does not go with it is refused, and all goes on.
  size_t from = rig.probe.mark();
  const Json sub = rig.config()["cameras"]["gate-1"]["sub"];
  rig.config()["cameras"]["gate-1"].erase("sub");
  rig.config()["telemetry"] = {{"interval_s", 7}};
  reload();
  const Json rejected = rig.probe.wait_for_topic("/event/config.rejected", Rig::kLimit, from).at("data");
  EXPECT_EQ(rejected.at("source"), "file");
  EXPECT_EQ(rejected.at("errors").at(0).at("path"), "/cameras/gate-1/record_profile");
  EXPECT_THAT(rejected.at("errors").at(0).value("message", ""),
              HasSubstr("(VEDETTE__CAMERAS__GATE_1__RECORD_PROFILE)"));
  EXPECT_EQ(in_force().at("cameras").at("gate-1").at("sub"), sub);
  EXPECT_NE(in_force().at("telemetry").at("interval_s"), 7);
  rig.wait_clip_ready(rig.start_recording("gate-1", {{"duration_ms", 500}}).recording_id);

  // What the file says of it meanwhile does not count; what it says of other things does.
  from = rig.probe.mark();
  rig.config()["cameras"]["gate-1"]["sub"] = sub;
  rig.config()["recording"] = {{"segment_s", 55}, {"max_duration_s", 66}};
  reload();
  rig.probe.wait_for_topic("/event/config.applied", Rig::kLimit, from);
  EXPECT_EQ(in_force().at("recording").at("segment_s"), 77);
  EXPECT_EQ(in_force().at("recording").at("max_duration_s"), 66);
  EXPECT_EQ(in_force().at("telemetry").at("interval_s"), 7);

  EXPECT_EQ(rig.vedette->sigterm(), 0);
  EXPECT_THAT(rig.vedette->log(), HasSubstr("password_file (VEDETTE__MQTT__PASSWORD)"));
  EXPECT_THAT(rig.vedette->log(), Not(HasSubstr("123456789")));
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
