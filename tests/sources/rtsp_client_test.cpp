#include "sources/rtsp/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/sources/scripted_camera.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace vedette::rtsp {
namespace {

using test::eventually;
using test::interleaved;
using test::ScriptedCamera;
using testing::HasSubstr;
using testing::Not;

constexpr milliseconds kLimit{10000};

const std::string kSdp =
    "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
    "m=audio 0 RTP/AVP 8\r\na=control:trackID=1\r\n";

std::string ok(const std::string& headers = {}, const std::string& body = {}) {
  return "RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n" + headers +
         (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body;
}
std::string status(const std::string& line, const std::string& headers = {}) {
  return "RTSP/1.0 " + line + "\r\nCSeq: {cseq}\r\n" + headers + "\r\n";
}
std::string channels_of(const std::string& request) {
  const size_t at = request.find("interleaved=");
  return request.substr(at, request.find("\r\n", at) - at);
}
// A camera that does all as it should.
std::string good(const std::string& method, const std::string& request) {
  if (method == "OPTIONS") return ok("Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n");
  if (method == "DESCRIBE") return ok("Content-Type: application/sdp\r\n", kSdp);
  if (method == "SETUP")
    return ok("Session: 12345678;timeout=60\r\nTransport: RTP/AVP/TCP;" + channels_of(request) + "\r\n");
  return ok();
}

Result<std::unique_ptr<Client>> open(const std::string& url, const std::string& password = "p",
                                     Transport transport = Transport::tcp) {
  return Client::open({url, "admin", password, Clock::system().mono() + kLimit, transport}, {});
}
Code code_of(const ScriptedCamera& camera) {
  const auto client = open(camera.url());
  EXPECT_FALSE(client.has_value());
  return client ? Code::ok : client.error().code;
}

TEST(RtspClientTest, OpensAndEndsASession) {
  const ScriptedCamera camera(good);
  {
    const auto client = open(camera.url("/live?x=1"));
    ASSERT_TRUE(client.has_value()) << client.error().message;
    ASSERT_EQ((*client)->tracks().size(), 2u);
    EXPECT_EQ((*client)->tracks()[0].channel, 0);
    EXPECT_EQ((*client)->tracks()[1].channel, 2);
    EXPECT_EQ((*client)->keepalive_interval(), 30s);
  }
  ASSERT_TRUE(eventually(kLimit, [&] { return camera.count("TEARDOWN") == 1; }));
  const auto requests = camera.requests();
  EXPECT_THAT(requests[2], HasSubstr("SETUP " + camera.url("/live?x=1/trackID=0") + " RTSP/1.0"));
  EXPECT_THAT(requests[2], Not(HasSubstr("Session")));
  EXPECT_THAT(requests[3], HasSubstr("Session: 12345678\r\n"));
  EXPECT_THAT(requests[4], HasSubstr("PLAY " + camera.url("/live?x=1") + " RTSP/1.0"));
}

TEST(RtspClientTest, AnswersTheChallengeAndGivesUpWhenThatIsWrong) {
  const std::string challenge = status("401 Unauthorized", "WWW-Authenticate: Digest realm=\"cam\", nonce=\"abc\"\r\n");
  std::string right;
  const ScriptedCamera camera([&](const std::string& method, const std::string& request) {
    return request.find("Authorization: Digest") == std::string::npos ? challenge : good(method, request);
  });
  EXPECT_TRUE(open(camera.url()).has_value());
  const ScriptedCamera never([&](const std::string&, const std::string&) { return challenge; });
  const auto client = open(never.url(), "secret-word");
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code, Code::forbidden);
  EXPECT_THAT(client.error().message, Not(HasSubstr("secret-word")));
  EXPECT_EQ(never.requests().size(), 2u) << "tried once, not again and again";
}

TEST(RtspClientTest, SaysWhatTheCameraRefused) {
  for (const auto& [line, code] :
       std::vector<std::pair<std::string, Code>>{{"403 Forbidden", Code::forbidden},
                                                 {"404 Stream Not Found", Code::not_found},
                                                 {"453 Not Enough Bandwidth", Code::rate_limited},
                                                 {"503 Service Unavailable", Code::busy},
                                                 {"500 Oops", Code::camera_unavailable}}) {
    const ScriptedCamera camera([&line = line](const std::string& method, const std::string& request) {
      return method == "DESCRIBE" ? status(line) : good(method, request);
    });
    EXPECT_EQ(code_of(camera), code) << line;
  }
  const ScriptedCamera udp_only([](const std::string& method, const std::string& request) {
    return method == "SETUP" ? status("461 Unsupported Transport") : good(method, request);
  });
  EXPECT_EQ(code_of(udp_only), Code::unsupported);
  const ScriptedCamera jpeg([](const std::string& method, const std::string& request) {
    return method == "DESCRIBE" ? ok({}, "m=video 0 RTP/AVP 26\r\n") : good(method, request);
  });
  EXPECT_EQ(code_of(jpeg), Code::unsupported);
  EXPECT_EQ(jpeg.count("SETUP"), 0u);
}

TEST(RtspClientTest, FollowsRedirectsButNotForEver) {
  const ScriptedCamera target(good);
  const ScriptedCamera from([&](const std::string& method, const std::string& request) {
    return method == "DESCRIBE" ? status("302 Moved", "Location: " + target.url("/there") + "\r\n")
                                : good(method, request);
  });
  EXPECT_TRUE(open(from.url()).has_value());
  EXPECT_EQ(target.count("PLAY"), 1u);
  std::string itself;
  const ScriptedCamera loop([&](const std::string& method, const std::string& request) {
    return method == "DESCRIBE" ? status("301 Moved", "Location: " + itself + "\r\n") : good(method, request);
  });
  itself = loop.url();
  EXPECT_EQ(code_of(loop), Code::camera_unavailable);
  const ScriptedCamera elsewhere([&](const std::string& method, const std::string& request) {
    return method == "DESCRIBE" ? status("302 Moved", "Location: http://x/\r\n") : good(method, request);
  });
  EXPECT_EQ(code_of(elsewhere), Code::unsupported);
}

TEST(RtspClientTest, TakesTheChannelsThatItIsGiven) {
  const ScriptedCamera camera([](const std::string& method, const std::string& request) {
    if (method != "SETUP") return good(method, request);
    const bool video = request.find("trackID=0") != std::string::npos;
    return ok(std::string("Session:   9\r\nTransport: RTP/AVP/TCP;unicast;interleaved=") + (video ? "4-5" : "8-9") +
              ";ssrc= d6d6627\r\n");
  });
  const auto client = open(camera.url());
  ASSERT_TRUE(client.has_value()) << client.error().message;
  EXPECT_EQ((*client)->tracks()[0].channel, 4);
  EXPECT_EQ((*client)->tracks()[1].channel, 8);
  const ScriptedCamera same([](const std::string& method, const std::string& request) {
    return method == "SETUP" ? ok("Session: 9\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n") : good(method, request);
  });
  EXPECT_EQ(code_of(same), Code::camera_unavailable);
}

TEST(RtspClientTest, AgreesOnPortsForUdp) {
  const ScriptedCamera camera([](const std::string& method, const std::string& request) {
    if (method != "SETUP") return good(method, request);
    const size_t at = request.find("client_port=");
    return ok("Session: 9;timeout=60\r\nTransport: RTP/AVP;unicast;" +
              request.substr(at, request.find("\r\n", at) - at) + ";server_port=6970-6971\r\n");
  });
  {
    const auto client = open(camera.url(), "p", Transport::udp);
    ASSERT_TRUE(client.has_value()) << client.error().message;
    EXPECT_TRUE((*client)->uses_datagrams());
    ASSERT_EQ((*client)->tracks().size(), 2u);
    for (size_t i : {0u, 1u}) {
      const auto ports = (*client)->tracks()[i].datagrams->ports();
      EXPECT_THAT(camera.requests()[2 + i],
                  HasSubstr("Transport: RTP/AVP;unicast;client_port=" + std::to_string(ports.rtp) + "-" +
                            std::to_string(ports.rtcp) + "\r\n"));
    }
  }
  EXPECT_TRUE(eventually(kLimit, [&] { return camera.count("TEARDOWN") == 1; }));
}

TEST(RtspClientTest, AnotherTransportThanThatAskedForIsToldSo) {
  const auto answering = [](const std::string& line, const std::string& transport) {
    return [=](const std::string& method, const std::string& request) {
      return method == "SETUP" ? status(line, "Session: 9\r\nTransport: " + transport + "\r\n") : good(method, request);
    };
  };
  const auto code = [](const ScriptedCamera& camera, Transport transport) {
    const auto client = open(camera.url(), "p", transport);
    return client ? Code::ok : client.error().code;
  };
  const ScriptedCamera tcp(answering("200 OK", "RTP/AVP/TCP;unicast;interleaved=0-1"));
  EXPECT_EQ(code(tcp, Transport::udp), Code::unsupported);
  EXPECT_EQ(tcp.count("PLAY"), 0u);
  const ScriptedCamera group(answering("200 OK", "RTP/AVP;multicast;destination=10.0.0.5;port=5000-5001"));
  EXPECT_EQ(code(group, Transport::udp), Code::unsupported);
  const ScriptedCamera refusing(answering("461 Unsupported Transport", ""));
  EXPECT_EQ(code(refusing, Transport::udp), Code::unsupported);
}

TEST(RtspClientTest, KeepsFramesThatComeAroundTheAnswers) {
  const ScriptedCamera camera([](const std::string& method, const std::string& request) {
    return method == "PLAY" ? interleaved(0, "before") + ok() + interleaved(0, "behind") + "$" : good(method, request);
  });
  const auto client = open(camera.url());
  ASSERT_TRUE(client.has_value());
  EXPECT_EQ((*client)->take_early(), interleaved(0, "before") + interleaved(0, "behind") + "$");
}

TEST(RtspClientTest, AnswersWhatTheServerAsks) {
  const ScriptedCamera camera([](const std::string& method, const std::string& request) {
    if (method == "DESCRIBE") return "OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 77\r\n\r\n" + good(method, request);
    return method.starts_with("RTSP") ? std::string() : good(method, request);
  });
  ASSERT_TRUE(open(camera.url()).has_value());
  EXPECT_EQ(camera.count("RTSP/1.0"), 1u);
}

TEST(RtspClientTest, EndsByItsDeadlineAndByTheStop) {
  const ScriptedCamera silent([](const std::string&, const std::string&) { return std::string(); });
  const MonoTime began = Clock::system().mono();
  const auto late = Client::open({silent.url(), {}, {}, began + 200ms}, {});
  EXPECT_EQ(late.error().code, Code::timed_out);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Client::open({silent.url(), {}, {}, began + kLimit}, stop.get_token()).error().code, Code::cancelled);
  EXPECT_LT(Clock::system().mono() - began, kLimit);
}

TEST(RtspClientTest, WhatIsNoRtspServerIsToldSo) {
  const ScriptedCamera http([](const std::string&, const std::string&) { return "HTTP/1.1 400 Bad\r\n\r\n"; });
  EXPECT_EQ(code_of(http), Code::invalid_argument);
  const ScriptedCamera rude([](const std::string&, const std::string&) { return "hang up"; });
  EXPECT_EQ(code_of(rude), Code::camera_unavailable);
  EXPECT_EQ(open("rtsp://127.0.0.1:1/x").error().code, Code::camera_unavailable);
}

// What real cameras answered, where their recorded dialogues lie beside the checkout.
TEST(RtspClientTest, OpensWhatRealCamerasAnswered) {
  const std::filesystem::path folder = std::filesystem::path(VEDETTE_SOURCE_DIR) / "../shared/rtsp-dialogues";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no recorded dialogues beside the checkout";
  const auto read = [&](const std::string& name) {
    std::string text = test::read_text(folder / (name + ".txt"));
    const size_t cseq = text.find("CSeq: ");
    if (cseq != std::string::npos) text.replace(cseq, text.find("\r\n", cseq) - cseq, "CSeq: {cseq}");
    return text;
  };
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
      if (method == "OPTIONS") return read("dahua_options");
      if (method == "DESCRIBE") return read(recorded.describe);
      if (method == "PLAY") return read(recorded.play);
      if (method == "TEARDOWN") return read("reolink_teardown");
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
}

}  // namespace
}  // namespace vedette::rtsp
