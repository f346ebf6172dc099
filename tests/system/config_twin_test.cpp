// The configuration changes while the agent runs: by its file, and over MQTT.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

constexpr int kWidth = 320;

std::string pattern(int width) {
  return "test://pattern?size=" + std::to_string(width) + "x180&fps=25&gop=25";
}

class ConfigTwinTest : public testing::Test {
 protected:
  ConfigTwinTest() {
    rig.config()["telemetry"] = {{"interval_s", 1}};
    rig.config()["upload"] = {{"target", "none"}};
  }

  void desire(int64_t version, const Json& config) {
    const Json message = {{"v", 1}, {"version", version}, {"config", config}};
    EXPECT_TRUE(
        rig.probe.publish({.topic = "vedette/v1/edge-01/config/desired", .payload = message.dump(), .retain = true}));
  }
  void reload() {
    rig.vedette->write_config(rig.config().dump(1));
    rig.vedette->kill(SIGHUP);
  }
  // The next report that is about this version, with this status.
  Json report(int64_t desired, const std::string& status, size_t from = 0, MqttProbe* probe = nullptr) {
    const auto found =
        (probe ? *probe : rig.probe)
            .wait_for(
                [&](const ProbeMessage& m) {
                  if (!m.topic.ends_with("/config/reported")) return false;
                  const Json json = m.json();
                  return json.value("desired_version", -1) == desired && json.value("status", "") == status;
                },
                Rig::kLimit, from);
    if (found) return found->json();
    ADD_FAILURE() << "no report of " << desired << " " << status;
    return Json::object();
  }
  Json stop(const Started& started) {
    rig.result("recording.stop", {{"recording_id", started.recording_id}});
    return rig.wait_clip_ready(started.recording_id);
  }

  Rig rig;
};

TEST_F(ConfigTwinTest, OnlyTheCamerasThatChangeAreTouched) {
  rig.add_camera("drawn", pattern(kWidth));
  rig.add_camera("other", pattern(kWidth));
  rig.add_camera("gone", pattern(kWidth));
  const CameraSim& sim = rig.add_sim({"real"}, {footage(Footage::h264_no_audio)});
  rig.start();
  report(0, "applied");
  std::map<std::string, Started> started;
  for (const char* id : {"drawn", "other", "gone", "real"}) started[id] = rig.start_recording(id);
  for (const char* id : {"drawn", "other", "gone", "real"})
    rig.event("recording.started", "recording_id", started[id].recording_id);

  // One is another, one is removed, one is added, and one that stays gets what needs no new connection.
  Json cameras = rig.config()["cameras"];
  cameras.erase("gone");
  cameras["other"]["url"] = pattern(640);
  cameras["added"] = {{"url", pattern(kWidth)}, {"record", "continuous"}};
  cameras["spare"] = {{"url", pattern(kWidth)}, {"enabled", false}};
  cameras["drawn"]["ring_s"] = 60;
  const size_t before = rig.probe.mark();
  desire(3, {{"cameras", cameras}, {"recording", {{"pre_roll_ms", 500}}}});
  const Json applied = report(3, "applied", before);
  EXPECT_EQ(applied.at("version"), 3);
  EXPECT_EQ(applied.at("config").at("cameras").at("other").at("url"), pattern(640));
  const Json event = rig.probe.wait_for_topic("/event/config.applied", Rig::kLimit, before);
  EXPECT_EQ(event.at("data").at("changed"),
            Json::array({"/cameras/added", "/cameras/drawn/ring_s", "/cameras/gone", "/cameras/other/url",
                         "/cameras/spare", "/recording/pre_roll_ms"}));
  EXPECT_EQ(rig.event("recording.stopped", "recording_id", started["gone"].recording_id, Rig::kLimit, before)
                .at("data")
                .at("reason"),
            "config_changed");
  rig.event("camera.up", "camera_id", "added", Rig::kLimit, before);
  rig.event("recording.started", "camera_id", "added", Rig::kLimit, before);
  EXPECT_TRUE(rig.probe.wait_for_state("/camera/spare/state", "disabled", Rig::kLimit, before));
  rig.event("camera.up", "camera_id", "other", Rig::kLimit, before);
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return rig.newest_status().value("config_version", 0) == 3; }));
  EXPECT_TRUE(rig.probe.wait_for(
      [](const ProbeMessage& m) { return m.topic.ends_with("/camera/gone/state") && m.payload.empty(); }, Rig::kLimit,
      before));
  EXPECT_EQ(rig.command("snapshot.take", {{"camera_id", "gone"}}).at("code"), "not_found");
  EXPECT_EQ(rig.command("config.report", Json::object()).at("result").at("version"), 3);

  // Not a frame of the others is missing, and there was one connection all the time.
  const Json drawn = stop(started["drawn"]);
  EXPECT_EQ(find_jump(burnt_in_times(rig.file_of(drawn.at("clip_id")), kWidth), 40ms), "");
  const Json real = stop(started["real"]);
  EXPECT_EQ(find_break(samples(rig.file_of(real.at("clip_id")), 'v').digests,
                       samples(footage(Footage::h264_no_audio), 'v').digests),
            "");
  EXPECT_EQ(sim.log().find("session ended"), std::string::npos);
  for (const Json& up : rig.events("camera.up")) {
    const bool again = up.at("data").value("reconnects_total", 0) > 0;
    EXPECT_EQ(again, up.at("camera_id") == "other" && up.at("data").value("reconnects_total", 0) == 1) << up;
  }
  // The recording of the camera that changed went on, in a new clip where the picture is another.
  stop(started["other"]);
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {
    return rig.result("clip.query", {{"camera_id", "other"}, {"state", Json::array({"ready"})}}).at("clips").size() >=
           2;
  }));

  // What is not higher is not looked at; what is wrong is refused whole.
  const size_t later = rig.probe.mark();
  desire(3, {{"recording", {{"pre_roll_ms", 900}}}});
  EXPECT_EQ(report(3, "applied", later).at("config").at("recording").at("pre_roll_ms"), 500);
  desire(2, Json::object());
  EXPECT_EQ(report(2, "rejected", later).at("errors").at(0).at("path"), "/version");
  Json bad = cameras;
  bad["added"]["record"] = "sometimes";
  bad["evil"] = {{"url", "file:///etc/passwd"}};
  desire(4, {{"cameras", bad}, {"plugins", {{"x", "/tmp/x.so"}}}});
  EXPECT_EQ(report(4, "rejected", later).at("version"), 3);
  EXPECT_EQ(rig.probe.wait_for_topic("/event/config.rejected", Rig::kLimit, later).at("data").at("reason"), "invalid");

  // It is in force after a kill; and the camera that was removed comes back as if it had never been away.
  rig.vedette->kill9();
  const size_t killed = rig.probe.mark();
  rig.start({"drawn", "other", "added", "real"});
  EXPECT_EQ(report(4, "rejected", killed).at("version"), 3);
  desire(5, {{"cameras", {{"drawn", cameras["drawn"]}}}});
  report(5, "applied", killed);
  desire(6, {{"cameras", cameras}});
  report(6, "applied", killed);
  rig.event("recording.started", "camera_id", "added", Rig::kLimit, killed);
  rig.event("camera.up", "camera_id", "other", Rig::kLimit, killed);
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.expect_messages_follow_schemas();
}

TEST_F(ConfigTwinTest, WhatWasRefusedIsDecidedOnForGood) {
  rig.add_camera("front", pattern(kWidth));
  rig.start();
  desire(3, {{"recording", {{"segment_s", 60}}}});
  report(3, "applied");
  desire(10, {{"recording", {{"segment_s", 0}}}});
  EXPECT_EQ(report(10, "rejected").at("errors").at(0).at("path"), "/config/recording/segment_s");

  // Neither what is older nor other content under the same number, and not after a restart either.
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again);
    size_t from = rig.probe.mark();
    if (again) {
      rig.vedette->kill9();
      rig.start();
      // What the broker retains comes again, and is told of, but is no news.
      EXPECT_EQ(report(10, "rejected", from).at("errors").at(0).at("path"), "/config/recording/segment_s");
    }
    from = rig.probe.mark();
    desire(4, {{"recording", {{"segment_s", 70}}}});
    Json told = report(4, "rejected", from);
    EXPECT_EQ(told.at("errors").at(0).at("path"), "/version");
    EXPECT_EQ(told.at("version"), 3);
    EXPECT_EQ(told.at("decided_version"), 10);
    from = rig.probe.mark();
    desire(10, {{"recording", {{"segment_s", 70}}}});
    told = report(10, "rejected", from);
    EXPECT_EQ(told.at("version"), 3);
    EXPECT_EQ(told.at("config").at("recording").at("segment_s"), 60);
  }
  std::set<std::string> refusals;
  for (const Json& event : rig.events("config.rejected")) refusals.insert(event.at("id"));
  EXPECT_EQ(refusals.size(), 1u);

  // Whoever asks first knows the next number.
  desire(4, Json::object());
  const auto path = (rig.scratch() / "site.json").string();
  write_text(path, R"({"recording": {"segment_s": 80}})");
  const Finished set = run({VEDETTE_BINARY_DIR "/bin/vedettectl", "--broker", rig.broker.url(), "--device",
                            Rig::kDevice, "--timeout", "20", "--json", "config", "set", path});
  EXPECT_EQ(Json::parse(set.output, nullptr, false).value("version", 0), 11) << set.output << set.errors;
  EXPECT_EQ(report(11, "applied").at("decided_version"), 11);
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.expect_messages_follow_schemas();
}

TEST_F(ConfigTwinTest, TheFileIsReadAgainOnSighup) {
  rig.add_camera("front", pattern(kWidth));
  rig.start();
  const Started started = rig.start_recording("front");
  rig.event("recording.started", "recording_id", started.recording_id);

  // Another target, which is there at once; limits; and what was never there.
  size_t from = rig.probe.mark();
  const auto folder = rig.scratch() / "nas";
  rig.config()["upload"] = {{"target", "directory"}, {"directory", folder.string()}};
  rig.config()["storage"]["max_age_s"] = 86400;
  rig.config()["cameras"]["front"]["record"] = "continuous";
  reload();
  EXPECT_EQ(rig.probe.wait_for_topic("/event/config.applied", Rig::kLimit, from).at("data").at("source"), "file");
  EXPECT_EQ(rig.result("storage.status", Json::object()).at("limits").at("max_age_s"), 86400);
  rig.wait_uploaded(
      rig.wait_clip_ready(rig.start_recording("front", {{"duration_ms", 500}}).recording_id).at("clip_id"));
  EXPECT_TRUE(std::filesystem::exists(folder));
  EXPECT_EQ(find_jump(burnt_in_times(rig.file_of(stop(started).at("clip_id")), kWidth), 40ms), "");

  // What is wrong is told with its place, and what needs a restart as well; nothing changes.
  from = rig.probe.mark();
  rig.config()["cameras"]["front"]["ring_s"] = 0;
  reload();
  Json data = rig.probe.wait_for_topic("/event/config.rejected", Rig::kLimit, from).at("data");
  EXPECT_EQ(data.at("errors").at(0).at("path"), "/cameras/front/ring_s");
  rig.config()["cameras"]["front"].erase("ring_s");
  from = rig.probe.mark();
  rig.config()["storage"]["path"] = "/elsewhere";
  reload();
  data = rig.probe.wait_for_topic("/event/config.rejected", Rig::kLimit, from).at("data");
  EXPECT_EQ(data.at("errors").at(0).at("path"), "/storage/path");
  EXPECT_NE(data.at("errors").at(0).value("message", "").find("restart"), std::string::npos);
  rig.config()["storage"]["path"] = rig.storage().string();
  from = rig.probe.mark();
  std::ofstream(rig.vedette->config_path()) << "{ no";
  rig.vedette->kill(SIGHUP);
  rig.probe.wait_for_topic("/event/config.rejected", Rig::kLimit, from);

  // Switched off from afar it takes nothing, and lets go of what it had.
  from = rig.probe.mark();
  desire(1, {{"log", {{"level", "debug"}}}});
  EXPECT_EQ(report(1, "applied", from).at("version"), 1);
  rig.config()["remote_config"] = {{"enabled", false}};
  reload();
  EXPECT_EQ(report(1, "rejected", from).at("version"), 0);
  desire(2, {{"log", {{"level", "debug"}}}});
  EXPECT_EQ(report(2, "rejected", from).at("version"), 0);

  // A file that is in order again does not make it applied; one that is not says so beside it.
  rig.config().erase("remote_config");
  from = rig.probe.mark();
  reload();
  rig.probe.wait_for_topic("/event/config.applied", Rig::kLimit, from);
  Json now = rig.result("config.report", Json::object());
  EXPECT_EQ(now.at("status"), "rejected") << now;
  EXPECT_EQ(now.at("file").at("status"), "applied");
  desire(3, {{"log", {{"level", "debug"}}}});
  EXPECT_EQ(report(3, "applied", from).at("version"), 3);
  rig.config()["cameras"]["front"]["ring_s"] = 0;
  from = rig.probe.mark();
  reload();
  rig.probe.wait_for_topic("/event/config.rejected", Rig::kLimit, from);
  now = rig.result("config.report", Json::object());
  EXPECT_EQ(now.at("status"), "applied") << now;
  EXPECT_EQ(now.at("file").at("errors").at(0).at("path"), "/cameras/front/ring_s");
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.expect_messages_follow_schemas();
}

TEST_F(ConfigTwinTest, AFileWithABrokerThatIsNotReachedIsGivenUpAfterSighup) {
  rig.add_camera("front", pattern(kWidth));
  rig.config()["remote_config"] = {{"trial_s", 5}};
  rig.start();
  const std::string home = rig.config()["mqtt"]["url"];
  const Started started = rig.start_recording("front");
  rig.event("recording.started", "recording_id", started.recording_id);
  const size_t from = rig.probe.mark();
  rig.config()["mqtt"]["url"] = "mqtt://127.0.0.1:" + std::to_string(free_port());
  rig.config()["recording"] = {{"pre_roll_ms", 500}};
  reload();
  ASSERT_TRUE(rig.probe.wait_for_state("/status", "offline", Rig::kLimit, from));
  const Json rejected = rig.probe.wait_for_topic("/event/config.rejected", Rig::kLimit, from).at("data");
  EXPECT_EQ(rejected.at("source"), "file");
  EXPECT_EQ(rejected.at("reason"), "rolled_back");
  EXPECT_EQ(rejected.at("errors").at(0).at("path"), "/mqtt");
  ASSERT_TRUE(rig.probe.wait_for_state("/status", "online", Rig::kLimit, from));
  const Json report = rig.result("config.report", Json::object());
  EXPECT_EQ(report.at("file").at("status"), "rolled_back");
  EXPECT_EQ(report.at("status"), "applied") << "of what came over MQTT, which was nothing";
  EXPECT_EQ(report.at("config").at("mqtt").at("url"), home);
  EXPECT_FALSE(report.at("config").contains("recording")) << "all of it comes back";
  EXPECT_EQ(find_jump(burnt_in_times(rig.file_of(stop(started).at("clip_id")), kWidth), 40ms), "");
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.expect_messages_follow_schemas();
}

// What is asked over HTTP looks at uploads and session: it follows when those are made anew.
TEST_F(ConfigTwinTest, FiguresOutliveAnotherTargetAndAnotherSession) {
  const uint16_t port = free_port();
  rig.config()["http"] = {{"listen", "127.0.0.1:" + std::to_string(port)}};
  rig.config()["upload"] = {{"target", "directory"}, {"directory", (rig.scratch() / "nas").string()}};
  rig.add_camera("front", pattern(kWidth));
  rig.start();
  const auto ready = [&] {
    return run({"curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                "http://127.0.0.1:" + std::to_string(port) + "/readyz"})
        .output;
  };
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return ready() == "200"; }));
  const auto applied = [&] {
    const size_t from = rig.probe.mark();
    reload();
    return rig.probe
        .wait_for([](const ProbeMessage& m) { return m.topic.find("/event/config.") != std::string::npos; },
                  Rig::kLimit, from)
        ->topic;
  };
  rig.config()["upload"] = {{"target", "none"}};
  EXPECT_THAT(applied(), testing::EndsWith("config.applied"));
  rig.config()["mqtt"]["keepalive_s"] = 31;
  EXPECT_THAT(applied(), testing::EndsWith("config.applied"));
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return ready() == "200"; }));
  EXPECT_EQ(rig.vedette->sigterm(), 0);
}

TEST_F(ConfigTwinTest, VedettectlShowsComparesAndSetsIt) {
  rig.add_camera("front", pattern(kWidth));
  rig.start();
  const auto ctl = [this](const std::vector<std::string>& words) {
    std::vector<std::string> argv = {VEDETTE_BINARY_DIR "/bin/vedettectl",
                                     "--broker",
                                     rig.broker.url(),
                                     "--device",
                                     Rig::kDevice,
                                     "--timeout",
                                     "20",
                                     "--json",
                                     "config"};
    argv.insert(argv.end(), words.begin(), words.end());
    return run(argv);
  };
  const auto path = (rig.scratch() / "site.json").string();
  write_text(path, R"({"recording": {"segment_s": 60}, // short ones
    "cameras": {"gate": {"url": "test://pattern?size=320x180"}}})");
  Finished done = ctl({"diff", path});
  EXPECT_EQ(done.status, 1) << done.errors;
  EXPECT_EQ(done.output, "+ /recording/segment_s: 60\n+ /cameras/gate\n- /cameras/front\n");
  done = ctl({"set", path});
  EXPECT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(Json::parse(done.output, nullptr, false),
            Json({{"version", 1}, {"status", "applied"}, {"errors", Json::array()}}));
  EXPECT_EQ(ctl({"diff", path}).status, 0);
  done = ctl({"get"});
  EXPECT_EQ(Json::parse(done.output, nullptr, false).value("version", 0), 1) << done.output;
  write_text(path, R"({"device_id": "other"})");
  done = ctl({"set", path});
  EXPECT_EQ(done.status, 1);
  EXPECT_NE(done.output.find("/config/device_id"), std::string::npos) << done.output;
  EXPECT_EQ(ctl({"set"}).status, 2);
}

TEST_F(ConfigTwinTest, ABrokerThatIsNotReachedIsGivenUpAndOneThatIsIsKept) {
  rig.add_camera("front", pattern(kWidth));
  rig.config()["remote_config"] = {{"allow", Json::array({"mqtt"})}, {"trial_s", 5}};
  rig.start();
  const std::string nowhere = "mqtt://127.0.0.1:" + std::to_string(free_port());
  const std::string home = rig.config()["mqtt"]["url"];

  size_t from = rig.probe.mark();
  desire(1, {{"mqtt", {{"url", nowhere}}}});
  const Json back = report(1, "rolled_back", from);
  EXPECT_EQ(back.at("version"), 0);
  EXPECT_EQ(back.at("config").at("mqtt").at("url"), home);
  EXPECT_EQ(rig.probe.wait_for_topic("/event/config.rejected", Rig::kLimit, from).at("data").at("reason"),
            "rolled_back");

  // Killed in the middle of a trial, it comes back with what was before, and stays so.
  from = rig.probe.mark();
  desire(2, {{"mqtt", {{"url", nowhere}}}});
  ASSERT_TRUE(rig.probe.wait_for_state("/status", "offline", Rig::kLimit, from));
  rig.vedette->kill9();
  from = rig.probe.mark();
  rig.start();
  EXPECT_EQ(report(2, "rolled_back", from).at("version"), 0);
  const Json rejected = rig.probe.wait_for_topic("/event/config.rejected", Rig::kLimit, from).at("data");
  EXPECT_EQ(rejected.at("version"), 2);
  EXPECT_EQ(rejected.at("reason"), "rolled_back");

  // Over to another broker, and there after a restart, while a recording goes on.
  const Mosquitto other;
  MqttProbe second(other);
  const Started started = rig.start_recording("front");
  rig.event("recording.started", "recording_id", started.recording_id, Rig::kLimit, from);
  desire(3, {{"mqtt", {{"url", other.url()}}}});
  EXPECT_EQ(report(3, "applied", 0, &second).at("version"), 3);
  ASSERT_TRUE(second.wait_for_state("/status", "online", Rig::kLimit));
  second.command(Rig::kDevice, "recording.stop", {{"recording_id", started.recording_id}});
  const Json ready = second.wait_for_topic("/event/clip.ready", Rig::kLimit);
  EXPECT_EQ(find_jump(burnt_in_times(rig.file_of(ready.at("data").at("clip_id")), kWidth), 40ms), "");
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  const size_t stopped = second.mark();
  rig.launch();
  EXPECT_EQ(report(3, "applied", stopped, &second).at("version"), 3);
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.expect_messages_follow_schemas();
}

}  // namespace
}  // namespace vedette::test
