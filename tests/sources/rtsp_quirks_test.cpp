// What cameras say that is not as the RTSP client's own tests have it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>

#include "sources/rtsp/client.h"
#include "sources/rtsp/session.h"
#include "tests/sources/rtsp_answers.h"
#include "tests/sources/scripted_camera.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette::rtsp {
namespace {

using test::ScriptedCamera;
using testing::HasSubstr;

// What cameras get wrong, and what does not matter.
TEST(RtspQuirksTest, LetsPassWhatCamerasGetWrong) {
  struct Sloppy {
    const char* what;
    std::function<std::string(std::string)> change;  // of any answer
    std::string control;                             // of the stream, in the SDP
    std::string expected;                            // where SETUP goes; {url}: that was described
  };
  const auto as_is = [](std::string text) { return text; };
  const auto without = [](const std::string& name) {
    return [name](std::string text) {
      const size_t at = text.find(name + ":");
      return at == std::string::npos ? text : text.erase(at, text.find("\r\n", at) + 2 - at);
    };
  };
  const auto lines_without_cr = [](std::string text) {
    text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
    return text;
  };
  const auto blanks = [](std::string text) {
    if (const size_t at = text.find("Session: "); at != std::string::npos) text.insert(at + 9, "      ");
    return "\r\n\r\n" + text;
  };
  const auto other_case = [](std::string text) {
    if (const size_t at = text.find("Session:"); at != std::string::npos) text.replace(at, 8, "sESSION:");
    return text;
  };
  for (const Sloppy& sloppy : std::vector<Sloppy>{
           {"no CSeq", without("CSeq"), "trackID=0", "{url}/trackID=0"},
           {"no Transport", without("Transport"), "trackID=0", "{url}/trackID=0"},
           {"LF only", lines_without_cr, "trackID=0", "{url}/trackID=0"},
           {"blanks", blanks, "trackID=0", "{url}/trackID=0"},
           {"case", other_case, "trackID=0", "{url}/trackID=0"},
           {"control that is whole", as_is, "rtsp://10.9.8.7/live/video", "rtsp://10.9.8.7/live/video"},
           {"no control", as_is, "", "{url}"},
           {"control with a query", as_is, "?ctype=video", "{url}/?ctype=video"},
       }) {
    SCOPED_TRACE(sloppy.what);
    const ScriptedCamera camera([&](const std::string& method, const std::string& request) {
      if (method != "DESCRIBE") return sloppy.change(good(method, request));
      return sloppy.change(ok({}, "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n" +
                                      (sloppy.control.empty() ? "" : "a=control:" + sloppy.control + "\n")));
    });
    const auto client = open(camera.url());
    ASSERT_TRUE(client.has_value()) << client.error().message;
    std::string expected = sloppy.expected;
    if (expected.starts_with("{url}")) expected.replace(0, 5, camera.url());
    EXPECT_THAT(camera.requests()[2], HasSubstr("SETUP " + expected + " RTSP/1.0"));
    EXPECT_THAT(camera.requests()[3], HasSubstr("Session: 12345678\r\n"));
  }
}

// What real cameras answered, where their recorded dialogues lie beside the checkout.
TEST(RtspQuirksTest, OpensWhatRealCamerasAnswered) {
  const std::filesystem::path folder = std::filesystem::path(VEDETTE_SOURCE_DIR) / "../shared/rtsp-dialogues";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no recorded dialogues beside the checkout";
  std::set<std::string> unread;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (const auto name = entry.path().stem().string(); entry.path().extension() == ".txt" && name != "LICENSE-MIT")
      unread.insert(name);
  std::mutex mutex;
  const auto read = [&](const std::string& name) {
    const std::lock_guard lock(mutex);
    unread.erase(name);
    std::string text = test::read_text(folder / (name + ".txt"));
    const size_t cseq = text.find("CSeq: ");
    if (cseq != std::string::npos) text.replace(cseq, text.find("\r\n", cseq) - cseq, "CSeq: {cseq}");
    return text;
  };
  const std::string options = read("dahua_options"), teardown = read("reolink_teardown");
  struct Recorded {
    std::string describe, setup, play;
    size_t tracks;
  };
  const std::vector<Recorded> all = {{"bunny_describe", "bunny_setup", "bunny_play", 2},
                                     {"dahua_describe_h264_aac_onvif", "dahua_setup", "dahua_play", 2},
                                     {"dahua_describe_h265_pcma", "dahua_setup", "dahua_play", 2},
                                     {"foscam_describe", "reolink_setup", "reolink_play", 2},
                                     {"hikvision_describe", "hikvision_setup", "hikvision_play", 1},
                                     {"hikvision_describe", "hikvision_setup_ssrc_space", "hikvision_play", 1},
                                     {"reolink_describe", "reolink_setup", "reolink_play", 2},
                                     {"reolink_describe_control_first", "reolink_setup", "reolink_play", 2}};
  for (const Recorded& recorded : all) {
    SCOPED_TRACE(recorded.describe);
    const ScriptedCamera camera([&](const std::string& method, const std::string& request) {
      if (method == "OPTIONS") return options;
      if (method == "DESCRIBE") return read(recorded.describe);
      if (method == "PLAY") return read(recorded.play);
      if (method == "TEARDOWN") return teardown;
      std::string setup = read(recorded.setup);  // each was asked for the first stream only
      const size_t at = setup.find("interleaved=0-1");
      return setup.replace(at, 15, channels_of(request));
    });
    const auto client = open(camera.url());
    ASSERT_TRUE(client.has_value()) << client.error().message;
    EXPECT_EQ((*client)->tracks().size(), recorded.tracks);
    EXPECT_EQ((*client)->tracks()[0].media.kind, "video");
  }
  const auto tplink = parse_sdp(read("tplink_sdp"));
  ASSERT_TRUE(tplink.has_value());
  EXPECT_EQ(tplink->media[0].encoding, "H265");
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(unread.empty()) << *unread.begin() << " is there, and nobody looks at it";
}

}  // namespace
}  // namespace vedette::rtsp
