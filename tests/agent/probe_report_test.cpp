#include "agent/probe_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vedette {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const ProbeLimits kLimits{30s, 32 * 1024 * 1024, AudioPolicy::copy};

struct Given {
  StreamInfo info{};
  StreamReport stream{};

  Given() {
    info.video.width_px = 1920;
    info.video.height_px = 1080;
    info.video.extradata = {1, 100, 0, 31};
    info.audio = AudioTrack{AudioCodec::aac, 16'000, 1, {}};
    stream.keyframes = 3;
    stream.fps = 24.997;
    stream.bitrate_bps = 4'000'000;
    stream.gop = 2s;
    stream.watched = 4s;
    stream.first_packet = MonoTime(100s);
    stream.first_keyframe = MonoTime(101s);
  }
  StreamReport report() {
    stream.info = std::make_shared<StreamInfo>(info);
    return stream;
  }
};

std::vector<std::string> warnings(Given given, const ProbeLimits& limits = kLimits) {
  std::vector<std::string> codes;
  const Json json = probe_report(given.report(), limits);
  for (const Json& warning : json.at("warnings")) codes.push_back(warning.at("code").get<std::string>());
  return codes;
}

TEST(ProbeReportTest, TellsAllFacts) {
  const Json json = probe_report(ProbedStream{Given().report(), MonoTime(99s), {}}, kLimits);
  const Json expected = {{"codec", "h264"},
                         {"b_frames", false},
                         {"profile", "high"},
                         {"width_px", 1920},
                         {"height_px", 1080},
                         {"fps", 25.0},
                         {"bitrate_bps", 4'000'000},
                         {"gop_ms", 2000},
                         {"audio", "aac"},
                         {"audio_sample_rate_hz", 16'000},
                         {"audio_channels", 1},
                         {"watched_ms", 4000},
                         {"warnings", Json::array()},
                         {"first_packet_ms", 1000},
                         {"first_keyframe_ms", 2000}};
  EXPECT_EQ(json, expected);
}

TEST(ProbeReportTest, WarnsOfLongGops) {
  Given given;
  given.stream.gop = 20s;
  EXPECT_THAT(warnings(given), ElementsAre("gop_long"));
  EXPECT_THAT(probe_report(given.report(), kLimits).at("warnings")[0].at("message").get<std::string>(),
              HasSubstr("GOP of 20 s is longer than"));
  EXPECT_THAT(warnings(given, {30s, 16 * 1024 * 1024, {}}), ElementsAre("gop_long", "ring_too_small"));
  EXPECT_THAT(warnings(given, {10s, 32 * 1024 * 1024, {}}), ElementsAre("gop_long", "ring_too_small"));
  given.stream.gop = 0us;
  EXPECT_THAT(warnings(given), ElementsAre("gop_unknown"));
}

TEST(ProbeReportTest, WarnsOfWhatIsNotInAClip) {
  Given given;
  given.info.audio->codec = AudioCodec::pcmu;
  EXPECT_THAT(warnings(given), ElementsAre("audio_left_out"));
  EXPECT_THAT(warnings(given, {30s, 32 * 1024 * 1024, AudioPolicy::aac}), IsEmpty());
  given.info.audio.reset();
  EXPECT_THAT(warnings(given), ElementsAre("no_audio"));
  EXPECT_TRUE(probe_report(given.report(), kLimits).at("audio").is_null());
}

TEST(ProbeReportTest, WarnsOfReorderedFrames) {
  Given given;
  given.info.video.reorder_frames = 2;
  EXPECT_THAT(warnings(given), ElementsAre("b_frames"));
  const Json json = probe_report(given.report(), kLimits);
  EXPECT_THAT(json.at("warnings")[0].at("message").get<std::string>(), HasSubstr("2 frames (80 ms)"));
  EXPECT_TRUE(json.at("b_frames").get<bool>());
}

TEST(ProbeReportTest, WarnsOfAClockThatIsOff) {
  Given given;
  given.stream.clock_offset = -90s;
  EXPECT_THAT(warnings(given), ElementsAre("clock_off"));
  const Json json = probe_report(given.report(), kLimits);
  EXPECT_EQ(json.at("clock_offset_ms"), -90'000);
  EXPECT_THAT(json.at("warnings")[0].at("message").get<std::string>(), HasSubstr("90 s behind"));
  given.stream.clock_offset = 500ms;
  EXPECT_THAT(warnings(given), IsEmpty());
}

TEST(ProbeReportTest, SaysThatTheSessionEnded) {
  const Json json =
      probe_report(ProbedStream{Given().report(), MonoTime(99s), fail(Code::camera_unavailable, "gone")}, kLimits);
  EXPECT_EQ(json.at("warnings")[0].at("code"), "session_ended");
}

TEST(ProbeReportTest, SaysWhatTheCameraIsOrWhyThatIsNotKnown) {
  Json json = probe_report(Given().report(), kLimits);
  add_device(json, DeviceInfo{"Hikvision", "DS", "", "123", ""});
  EXPECT_EQ(json.at("device").dump(), R"({"maker":"Hikvision","model":"DS","serial":"123"})");
  EXPECT_THAT(json.at("warnings"), IsEmpty());
  Json unknown = probe_report(Given().report(), kLimits);
  add_device(unknown, fail(Code::forbidden, "the camera answers 401"));
  EXPECT_FALSE(unknown.contains("device"));
  EXPECT_EQ(unknown.at("warnings")[0].at("code"), "device_unknown");
  EXPECT_THAT(unknown.at("warnings")[0].at("message").get<std::string>(), HasSubstr("401"));
}

}  // namespace
}  // namespace vedette
