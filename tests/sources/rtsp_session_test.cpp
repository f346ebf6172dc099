// RTSP sessions that play and bring nothing of use.
#include "sources/rtsp/session.h"

#include <gtest/gtest.h>

#include <cstring>

#include "sources/rtsp_source.h"
#include "tests/sources/scripted_camera.h"
#include "tests/sources/source_run.h"
#include "tests/support/fake_clock.h"
#include "tests/support/wait.h"

namespace vedette::rtsp {
namespace {

using test::eventually;
using test::FakeClock;
using test::interleaved;
using test::ScriptedCamera;
using test::SourceRun;

constexpr milliseconds kLimit{10'000};
constexpr const char* kSdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n";

// A camera that answers PLAY with these NAL units, each a frame.
class RtspSessionTest : public testing::Test {
 protected:
  static ScriptedCamera camera_that_sends(const std::vector<std::string>& units) {
    return ScriptedCamera([units](const std::string& method, const std::string&) {
      const std::string ok = "RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n";
      if (method == "DESCRIBE") return ok + "Content-Length: " + std::to_string(strlen(kSdp)) + "\r\n\r\n" + kSdp;
      if (method == "SETUP") return ok + "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n";
      std::string answer = ok + "\r\n";
      uint16_t number = 0;
      for (const std::string& unit : method == "PLAY" ? units : std::vector<std::string>()) {
        answer += interleaved(0, test::rtp(number, number * 3600u, true, unit));
        ++number;
      }
      return answer;
    });
  }
  SourceConfig config_for(const ScriptedCamera& camera) const {
    SourceConfig config;
    config.url = camera.url();
    config.stall_timeout = 1h;
    return config;
  }
  FakeClock clock_;
};

TEST_F(RtspSessionTest, PicturesWithoutAKeyframeForAMinuteAreNoStream) {
  const ScriptedCamera camera = camera_that_sends({"\x41 a frame", "\x41 another"});
  const auto source = make_rtsp_source(config_for(camera), clock_);
  ASSERT_TRUE(source);
  SourceRun run(**source);
  ASSERT_TRUE(eventually(kLimit, [&] { return camera.count("PLAY") == 1; }));
  clock_.advance(50s);
  EXPECT_FALSE(run.wait_for_end(500ms));
  clock_.advance(11s);
  const auto ended = run.wait_for_end(kLimit);
  ASSERT_TRUE(ended && !*ended);
  EXPECT_EQ(ended->error().code, Code::timed_out);
  EXPECT_NE(ended->error().message.find("no keyframe for 60 s"), std::string::npos) << ended->error().message;
}

TEST_F(RtspSessionTest, KeyframesWithoutParameterSetsAreToldSo) {
  const ScriptedCamera few = camera_that_sends(std::vector<std::string>(4, "\x65 a keyframe"));
  const auto patient = make_rtsp_source(config_for(few), clock_);
  SourceRun waits(**patient);
  EXPECT_FALSE(waits.wait_for_end(500ms)) << "they may still come";
  const ScriptedCamera many = camera_that_sends(std::vector<std::string>(5, "\x65 a keyframe"));
  const auto source = make_rtsp_source(config_for(many), clock_);
  SourceRun run(**source);
  const auto ended = run.wait_for_end(kLimit);
  ASSERT_TRUE(ended && !*ended);
  EXPECT_EQ(ended->error().code, Code::unsupported);
  EXPECT_NE(ended->error().message.find("SPS"), std::string::npos) << ended->error().message;
}

TEST_F(RtspSessionTest, TheFirstPictureMayTakeLongerThanAStall) {
  const ScriptedCamera camera = camera_that_sends({});
  SourceConfig config = config_for(camera);
  config.stall_timeout = 1s;
  config.connect_timeout = 10s;
  const auto source = make_rtsp_source(config, clock_);
  SourceRun run(**source);
  ASSERT_TRUE(eventually(kLimit, [&] { return camera.count("PLAY") == 1; }));
  clock_.advance(9s);
  EXPECT_FALSE(run.wait_for_end(500ms));
  clock_.advance(2s);
  const auto ended = run.wait_for_end(kLimit);
  ASSERT_TRUE(ended && !*ended);
  EXPECT_NE(ended->error().message.find("no video for 10 s"), std::string::npos) << ended->error().message;
}

}  // namespace
}  // namespace vedette::rtsp
