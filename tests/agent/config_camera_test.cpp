// The configuration of one camera.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/from_config.h"
#include "tests/agent/config_fixture.h"

namespace vedette {
namespace {

using test::ConfigTest;
using test::errors_of;
using test::load;
using test::paths_of;
using test::with;
using test::with_camera;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(ConfigTest, CameraHasDefaults) {
  const auto camera = load(with_camera(R"("url": "rtsp://10.0.0.5/1")")).config.cameras.at("front");
  EXPECT_EQ(camera.url, "rtsp://10.0.0.5/1");
  EXPECT_EQ(camera.username, "");
  EXPECT_EQ(camera.transport, "tcp");
  EXPECT_EQ(camera.stall_timeout, 8s);
  EXPECT_EQ(camera.ring, 30s);
  EXPECT_EQ(camera.ring_most_bytes, 33'554'432u);
  EXPECT_TRUE(camera.enabled);
}

TEST_F(ConfigTest, TheStallTimeoutIsFromASecondToAMinuteAndCountsForBothProfiles) {
  const auto config = load(with_camera(R"("url": "rtsp://10.0.0.5/1", "stall_timeout_s": 1,
      "sub": {"url": "rtsp://10.0.0.5/2"})"))
                          .config;
  EXPECT_EQ(config.cameras.at("front").stall_timeout, 1s);
  EXPECT_EQ(camera_config(config, "front").source.stall_timeout, 1s);
  EXPECT_EQ(second_camera_config(config, "front").source.stall_timeout, 1s);
  for (const char* wrong : {"0", "61", "1.5", "\"8\""})
    EXPECT_THAT(errors_of(with_camera(R"("url": "rtsp://10.0.0.5/1", "stall_timeout_s": )" + std::string(wrong))),
                ElementsAre(HasSubstr("/cameras/front/stall_timeout_s: ")));
}

TEST_F(ConfigTest, ASecondProfileIsRead) {
  const auto bare = load(with_camera(R"("url": "rtsp://10.0.0.5/1")")).config.cameras.at("front");
  EXPECT_FALSE(bare.sub);
  EXPECT_EQ(bare.record_profile, Config::Profile::main);
  EXPECT_EQ(bare.max_sessions, 2);
  const auto both = load(with_camera(R"("url": "rtsp://10.0.0.5/1", "transport": "udp", "max_sessions": 4,
      "sub": {"url": "rtsp://10.0.0.5/2", "transport": "tcp"}, "record_profile": "sub")"))
                        .config.cameras.at("front");
  EXPECT_EQ(both.sub->url, "rtsp://10.0.0.5/2");
  EXPECT_EQ(both.sub->transport, "tcp");
  EXPECT_EQ(both.record_profile, Config::Profile::sub);
  EXPECT_EQ(both.max_sessions, 4);
  const auto [config, warnings] = load(with_camera(
      R"("url": "rtsp://10.0.0.5/1", "transport": "multicast", "sub": {"url": "rtsp://viewer:geheim@10.0.0.5/2"})"));
  const auto& camera = config.cameras.at("front");
  EXPECT_EQ(camera.sub->url, "rtsp://10.0.0.5/2");
  EXPECT_EQ(camera.sub->transport, "multicast") << "as the camera's";
  EXPECT_EQ(camera.username, "viewer");
  EXPECT_EQ(camera.password, "geheim");
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("/cameras/front/sub/url: credentials")));
  EXPECT_THAT(errors_of(with_camera(R"("url": "rtsp://10.0.0.5/1", "record_profile": "sub")")),
              ElementsAre("/cameras/front/record_profile: there is no sub"));
  EXPECT_THAT(errors_of(with_camera(R"("url": "rtsp://10.0.0.5/1", "sub": {"url": "gopher://x/", "ring_s": 1})")),
              UnorderedElementsAre(HasSubstr("/cameras/front/sub/url: "), HasSubstr("/cameras/front/sub/ring_s: ")));
  EXPECT_THAT(errors_of(with_camera(R"("url": "rtsp://10.0.0.5/1", "sub": {}, "max_sessions": 0)")),
              testing::SizeIs(2));
}

TEST_F(ConfigTest, ReadsSchedules) {
  const auto front = load(R"({"device_id": "a", "recording": {"time_zone": "Asia/Tokyo"},
      "cameras": {"front": {"url": "test://pattern", "record": "schedule", "schedule": [
        {"days": ["mon", "tue"], "from": "08:00", "to": "18:30"}, {"cron": "*/30 8-17 * * 1-5", "duration_s": 600,
         "time_zone": "Europe/Berlin"}]}}})")
                         .config.cameras.at("front");
  EXPECT_EQ(front.record, Config::Record::schedule);
  const UtcTime monday = from_rfc3339("2026-11-16T00:00:00+09:00").value();
  const auto spans = front.schedule.spans(monday, monday + std::chrono::hours(24));
  ASSERT_GE(spans.size(), 2u);
  EXPECT_EQ(spans[0].start, from_rfc3339("2026-11-16T08:00:00+09:00"));
  EXPECT_EQ(spans[1].start, from_rfc3339("2026-11-16T11:00:00+01:00"));  // those before are in the first
}

TEST_F(ConfigTest, EveryErrorOfAScheduleNamesItsPlace) {
  const auto with_schedule = [](const std::string& entry) {
    return with_camera(R"("url": "test://pattern", "record": "schedule", "schedule": [)" + entry + "]");
  };
  const std::string at = "/cameras/front/schedule/0";
  for (const auto& [entry, path] :
       {std::pair<std::string, std::string>{R"("mon")", ""},
        {R"({"from": "08:00"})", "/to"},
        {R"({"to": "08:00"})", "/from"},
        {R"({"from": "8:00", "to": "09:00"})", "/from"},
        {R"({"from": "24:00", "to": "09:00"})", "/from"},
        {R"({"from": "08:00", "to": "24:01"})", "/to"},
        {R"({"from": "08:60", "to": "09:00"})", "/from"},
        {R"({"from": "08:00", "to": "08:00"})", "/to"},
        {R"({"from": 8, "to": "09:00"})", "/from"},
        {R"({"days": [], "from": "08:00", "to": "09:00"})", "/days"},
        {R"({"days": ["mon", "Tue"], "from": "08:00", "to": "09:00"})", "/days/1"},
        {R"({"from": "08:00", "to": "09:00", "time_zone": "Europe/Atlantis"})", "/time_zone"},
        {R"({"from": "08:00", "to": "09:00", "time_zone": "../x"})", "/time_zone"},
        {R"({"from": "08:00", "to": "09:00", "until": 1})", "/until"},
        {R"({"cron": "* * * * *"})", "/duration_s"},
        {R"({"cron": "* * * * *", "duration_s": 0})", "/duration_s"},
        {R"({"cron": "61 * * * *", "duration_s": 60})", "/cron"},
        {R"({"cron": "* * * * *", "duration_s": 60, "from": "08:00"})", "/from"}})
    EXPECT_THAT(paths_of(with_schedule(entry)), ElementsAre(at + path)) << entry;
  EXPECT_THAT(paths_of(with_camera(R"("url": "test://pattern", "record": "schedule")")),
              ElementsAre("/cameras/front/schedule"));
  EXPECT_THAT(paths_of(with("recording", R"("time_zone": "Mars/Olympus")")), ElementsAre("/recording/time_zone"));
}

// ---- what cameras notice

TEST_F(ConfigTest, ReadsRulesForEvents) {
  const auto one = load(R"({"device_id": "a", "recording": {"pre_roll_ms": 4000},
      "cameras": {"front": {"url": "hik://10.0.0.5/1/main", "events": true, "http_port": 8080, "event_hold_s": 5,
                            "on_event": {"type": "motion"}}}})")
                       .config.cameras.at("front");
  EXPECT_TRUE(one.events);
  EXPECT_EQ(one.http_port, 8080);
  EXPECT_EQ(one.event_hold, 5s);
  ASSERT_EQ(one.on_event.size(), 1u);
  EXPECT_EQ(one.on_event[0].pre_roll, 4s) << "that of recording";
  EXPECT_EQ(one.on_event[0].post_roll, 10s);
  const auto two = load(with_camera(R"("url": "dahua://10.0.0.5/1/main", "events": true, "on_event": [
      {"type": "tampering", "pre_roll_ms": 1, "post_roll_ms": 2, "labels": ["x"]}, {"type": "other"}])"))
                       .config.cameras.at("front")
                       .on_event;
  const auto config = load(with_camera(R"("url": "onvif://10.0.0.5/main", "events": true, "http_tls": true,
      "ca_file": "/etc/ca.pem")"))
                          .config;
  const auto& asked = config.cameras.at("front");
  EXPECT_TRUE(asked.http_tls);
  EXPECT_EQ(asked.http_port, 443);
  EXPECT_EQ(event_feed_config("front", asked).ca_file, "/etc/ca.pem");
  EXPECT_TRUE(event_feed_config("front", asked).http_tls);
  EXPECT_EQ(camera_config(config, "front").source.http_port, 443);
  EXPECT_EQ(load(with_camera(R"("url": "hik://10.0.0.5/1/main")")).config.cameras.at("front").http_port, 80);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].type, CameraEventType::tampering);
  EXPECT_EQ(two[0].pre_roll, 1ms);
  EXPECT_EQ(two[0].post_roll, 2ms);
  EXPECT_THAT(two[0].labels, ElementsAre("x"));
}

TEST_F(ConfigTest, EveryErrorOfARuleNamesItsPlace) {
  const std::string hik = R"("url": "hik://10.0.0.5/1/main", "events": true, "on_event": )";
  const std::string at = "/cameras/front";
  for (const auto& [members, path] :
       {std::pair<std::string, std::string>{R"("url": "rtsp://10.0.0.5/1", "events": true)", "/events"},
        {R"("url": "srt://10.0.0.5:9000", "events": true)", "/events"},
        {R"("url": "hik://10.0.0.5/1/main", "on_event": {"type": "motion"})", "/on_event"},
        {hik + "true", "/on_event"},
        {hik + "{}", "/on_event/type"},
        {hik + R"({"type": "VMD"})", "/on_event/type"},
        {hik + R"([{"type": "motion"}, {"type": "motion", "pre_roll_ms": -1}])", "/on_event/1/pre_roll_ms"},
        {hik + R"({"type": "motion", "post_roll_ms": 3600001})", "/on_event/post_roll_ms"},
        {hik + R"({"type": "motion", "label": "x"})", "/on_event/label"},
        {R"("url": "test://pattern", "http_port": 0)", "/http_port"},
        {R"("url": "test://pattern", "http_tls": 1)", "/http_tls"},
        {R"("url": "test://pattern", "event_hold_s": 0)", "/event_hold_s"}})
    EXPECT_THAT(paths_of(with_camera(members)), Contains(at + path)) << members;
}

}  // namespace
}  // namespace vedette
