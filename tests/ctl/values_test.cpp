#include "ctl/values.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <nlohmann/json.hpp>

#include "ctl/clips.h"
#include "ctl/watch.h"

namespace vedette::ctl {

namespace {

// 2026-11-20T08:31:29.123Z
const UtcTime kNow = *from_rfc3339("2026-11-20T08:31:29.123Z");

class LocalTimeTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
  }
  void TearDown() override {
    unsetenv("TZ");
    tzset();
  }
};

using WatchLineTest = LocalTimeTest;
using ClipTableTest = LocalTimeTest;

std::string line(const std::string& subtopic, const Json& body) {
  return watch_line("vedette", "vedette/v1/edge-01/" + subtopic, to_text(body), kNow).value_or("none");
}

}  // namespace

TEST(ValuesTest, ShowsUnitsThatNamesTell) {
  EXPECT_EQ(value_text("rss_bytes", Json(24'100'000)), "24.1 MB");
  EXPECT_EQ(value_text("size_bytes", Json(999)), "999 B");
  EXPECT_EQ(value_text("bitrate_bps", Json(4'200'000)), "4.2 Mbit/s");
  EXPECT_EQ(value_text("took_ms", Json(4)), "4 ms");
  EXPECT_EQ(value_text("duration_ms", Json(60'040)), "60.0 s");
  EXPECT_EQ(value_text("cpu_pct", Json(3.125)), "3.12 %");
  EXPECT_EQ(value_text("frames_total", Json(1'000'000)), "1000000");
  EXPECT_EQ(value_text("size_bytes", Json("odd")), "odd");
  EXPECT_EQ(duration_text(125'000), "2:05");
  EXPECT_EQ(duration_text(3'725'000), "1:02:05");
}

TEST(ValuesTest, ListsFactsAndLeavesOutWhatIsEmptyNestedOrSkipped) {
  const Json data = {
      {"clip_id", "c"}, {"size_bytes", 8'123'456}, {"error", nullptr}, {"gaps", Json::array()}, {"x", ""}};
  EXPECT_EQ(facts(data), "clip_id c  size 8.1 MB");
  EXPECT_EQ(facts(data, {"clip_id"}), "size 8.1 MB");
  EXPECT_EQ(facts(Json("no object")), "");
}

TEST(ValuesTest, JsonForATerminalEscapesTheControlsBeyondAscii) {
  const Json json = {{"name", "caf\u00e9 \u009b31m"}};
  EXPECT_EQ(json_text(json), "{\"name\":\"caf\u00e9 \\u009b31m\"}");
  EXPECT_EQ(parse_json(json_text(json, true), JsonLimits{}), json);
}

TEST(ValuesTest, TakesAnythingThatADeviceMaySay) {
  EXPECT_EQ(integer_at(Json{{"n", 1e300}}, {"n"}), std::nullopt);
  EXPECT_EQ(integer_at(Json{{"n", INT64_MAX}}, {"n"}), std::nullopt);
  EXPECT_EQ(integer_at(Json{{"n", -5}}, {"n"}), -5);
  EXPECT_EQ(value_text("took_ms", Json(1e300)), "2501999792:59:00") << "no more than can be counted exactly";
  EXPECT_TRUE(object_at(Json{{"result", 5}}, {"result"}).empty());
  EXPECT_EQ(object_at(Json{{"result", {{"a", 1}}}}, {"result"}), (Json{{"a", 1}}));
}

TEST(ValuesTest, KeepsControlCharactersFromTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\x7f"), "a?[2Jb??");
  EXPECT_EQ(printable("\xc2\x9b"
                      "1m \xc3\xa4"),
            "?1m \xc3\xa4");
}

TEST(ValuesTest, FindsValuesByTheirPathAndTakesAnythingElseForAbsent) {
  const Json json = {{"a", {{"b", 7}}}, {"n", nullptr}};
  EXPECT_EQ(text_at(json, {"a", "b"}), "7");
  EXPECT_EQ(integer_at(json, {"a", "b"}), 7);
  EXPECT_EQ(text_at(json, {"a", "b", "c"}), "");
  EXPECT_EQ(text_at(json, {"n"}), "");
  EXPECT_EQ(text_at(Json(3), {"a"}), "");
  EXPECT_EQ(integer_at(json, {"n"}), std::nullopt);
}

TEST(ValuesTest, AlignsTablesByCharactersNotBytes) {
  Table table({"NAME", "X"});
  table.add({"t\xc3\xbcr", "1"});
  table.add({"longer", "2"});
  EXPECT_EQ(table.text(), "NAME    X\nt\xc3\xbcr     1\nlonger  2\n");
}

TEST_F(WatchLineTest, ShowsAStatus) {
  EXPECT_EQ(
      line("status", {{"ts", "2026-11-20T08:00:00.000Z"},
                      {"state", "degraded"},
                      {"uptime_s", 3600},
                      {"cameras", {{"total", 4}, {"streaming", 3}, {"recording", 2}}},
                      {"outbox", {{"rows", 7}}},
                      {"problems", {{{"code", "camera_unavailable"}, {"message", "refused"}, {"camera_id", "gate"}}}}}),
      "09:00:00.000  edge-01       status     degraded            3 of 4 cameras streaming, 2 recording  up 1:00:00  "
      "7 events wait  ! gate camera_unavailable: refused");
  EXPECT_EQ(line("status", {{"state", "lost"}, {"reason", "connection_lost"}}),
            "09:31:29.123  edge-01       status     lost                connection_lost");
}

TEST_F(WatchLineTest, ShowsACamera) {
  EXPECT_EQ(
      line("camera/front/state",
           {{"ts", "2026-11-20T08:00:00.000Z"},
            {"state", "streaming"},
            {"recording", {{"active", true}}},
            {"stream", {{"codec", "h264"}, {"width_px", 1920}, {"height_px", 1080}, {"bitrate_bps", 4'200'000}}},
            {"preroll_available_ms", 9800},
            {"error", nullptr}}),
      "09:00:00.000  edge-01       camera     front               streaming   RECORDING  h264 1920x1080  bitrate 4.2 "
      "Mbit/s  pre-roll 9.8 s");
}

TEST_F(WatchLineTest, ShowsEventsAndTelemetry) {
  EXPECT_EQ(line("event/clip.ready", {{"ts", "2026-11-20T08:00:00.000Z"},
                                      {"camera_id", "front"},
                                      {"data", {{"clip_id", "c1"}, {"duration_ms", 60040}, {"sha256", "00"}}}}),
            "09:00:00.000  edge-01       event      clip.ready          front  clip_id c1  duration 60.0 s");
  EXPECT_EQ(line("telemetry/system", {{"v", 1}, {"seq", 3}, {"cpu_pct", 3.0}, {"rss_bytes", 24'000'000}}),
            "09:31:29.123  edge-01       telemetry  system              cpu 3 %  rss 24.0 MB");
}

TEST_F(WatchLineTest, LeavesOutOtherTopicsAndBadPayloads) {
  EXPECT_EQ(line("reply/x", {{"v", 1}}), "none");
  EXPECT_EQ(line("status", Json::array()), "none");
  EXPECT_EQ(watch_line("vedette", "vedette/v1/edge-01/status", "{", kNow), std::nullopt);
  EXPECT_EQ(watch_line("vedette", "other/v1/edge-01/status", "{}", kNow), std::nullopt);
  EXPECT_EQ(watch_line("vedette", "vedette/v1/edge-01", "{}", kNow), std::nullopt);
  EXPECT_EQ(watch_line("vedette", "vedette/v1/", "{}", kNow), std::nullopt);
  // Wrong types in every place are shown as nothing.
  EXPECT_NE(line("status", {{"state", 7}, {"cameras", 3}, {"problems", {1, "x"}}, {"uptime_s", "long"}}), "none");
  EXPECT_NE(line("camera/front/state", {{"state", Json::array()}, {"recording", {{"active", 1}}}, {"stream", 5}}),
            "none");
  EXPECT_NE(line("event/x", {{"data", 3}}), "none");
}

TEST_F(ClipTableTest, ShowsOneRowPerClip) {
  const Json clips = {{{"clip_id", "0199"},
                       {"camera_id", "front"},
                       {"start", "2026-11-20T08:31:29.123Z"},
                       {"duration_ms", 15040},
                       {"size_bytes", 8'123'456},
                       {"state", "ready"},
                       {"labels", {"door", "night"}},
                       {"upload", {{"state", "failed"}, {"last_error", "403"}}}}};
  EXPECT_EQ(clip_table(clips),
            "CLIP  CAMERA  START                LENGTH  SIZE    STATE  UPLOAD        LABELS\n"
            "0199  front   2026-11-20 09:31:29  15.0 s  8.1 MB  ready  failed (403)  door,night\n");
}

}  // namespace vedette::ctl
