#include "sources/rtsp/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sources/rtsp/session.h"
#include "sources/source.h"
#include "tests/sources/rtsp_answers.h"
#include "tests/sources/scripted_camera.h"
#include "tests/support/fake_clock.h"
#include "tests/support/wait.h"

namespace vedette::rtsp {
namespace {

using test::eventually;
using test::interleaved;
using test::ScriptedCamera;
using testing::HasSubstr;
using testing::Not;

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

TEST(RtspClientTest, FollowsARedirectOfSetup) {
  const ScriptedCamera target(good);
  const ScriptedCamera from([&](const std::string& method, const std::string& request) {
    return method == "SETUP" ? status("302 Moved", "Location: " + target.url("/there") + "\r\n")
                             : good(method, request);
  });
  EXPECT_TRUE(open(from.url()).has_value());
  EXPECT_EQ(target.count("PLAY"), 1u);
  std::string itself;
  const ScriptedCamera loop([&](const std::string& method, const std::string& request) {
    return method == "SETUP" ? status("301 Moved", "Location: " + itself + "\r\n") : good(method, request);
  });
  itself = loop.url();
  EXPECT_EQ(code_of(loop), Code::camera_unavailable);
  EXPECT_EQ(loop.count("SETUP"), 4u) << "the first, and three redirects";
}

TEST(RtspClientTest, AnotherHostIsNotShownTheCredentials) {
  for (const char* challenge : {"Basic realm=\"r\"", "Digest realm=\"r\", nonce=\"n\""}) {
    const ScriptedCamera asking([&](const std::string& method, const std::string& request) {
      const bool answered = request.find("Authorization") != std::string::npos;
      return answered ? good(method, request)
                      : status("401 Unauthorized", std::string("WWW-Authenticate: ") + challenge + "\r\n");
    });
    std::string location = asking.url("/there");
    const ScriptedCamera from([&](const std::string& method, const std::string& request) {
      return method == "DESCRIBE" ? status("302 Moved", "Location: " + location + "\r\n") : good(method, request);
    });
    EXPECT_TRUE(open(from.url()).has_value()) << "another port of the camera's host";
    ASSERT_TRUE(eventually(kLimit, [&] { return asking.count("TEARDOWN") == 1; }));
    const size_t before = asking.requests().size();
    location.replace(location.find("127.0.0.1"), 9, "localhost");
    const auto client = open(from.url(), "secret-word");
    ASSERT_FALSE(client.has_value());
    EXPECT_EQ(client.error().code, Code::forbidden);
    EXPECT_THAT(client.error().message, HasSubstr("redirected to localhost"));
    const auto requests = asking.requests();
    ASSERT_GT(requests.size(), before);
    for (size_t i = before; i < requests.size(); ++i) EXPECT_THAT(requests[i], Not(HasSubstr("Authorization")));
  }
}

TEST(RtspClientTest, EndsTheSessionAlsoWhenItIsStoppedWhileOpening) {
  for (const bool stopped : {true, false}) {
    std::stop_source stop;
    const ScriptedCamera camera([&](const std::string& method, const std::string& request) {
      if (method != "PLAY") return good(method, request);
      if (stopped) stop.request_stop();
      return std::string();
    });
    const MonoTime deadline = Clock::system().mono() + (stopped ? kLimit : 300ms);
    const auto client = Client::open({camera.url(), {}, {}, deadline}, stop.get_token());
    ASSERT_FALSE(client.has_value());
    EXPECT_EQ(client.error().code, stopped ? Code::cancelled : Code::timed_out);
    ASSERT_TRUE(eventually(kLimit, [&] { return camera.count("TEARDOWN") == 1; }));
    EXPECT_THAT(camera.requests().back(), HasSubstr("Session: 12345678\r\n"));
  }
}

TEST(RtspClientTest, RefusedSecondStreamEndsTheSessionToo) {
  const ScriptedCamera camera([](const std::string& method, const std::string& request) {
    const bool second = method == "SETUP" && request.find("trackID=1") != std::string::npos;
    return second ? status("500 Oops") : good(method, request);
  });
  EXPECT_EQ(code_of(camera), Code::camera_unavailable);
  EXPECT_TRUE(eventually(kLimit, [&] { return camera.count("TEARDOWN") == 1; }));
}

// Keeps the session alive at half its timeout, by what the camera knows.
TEST(RtspClientTest, KeepsTheSessionAliveInHalfItsTimeout) {
  for (const char* method : {"GET_PARAMETER", "OPTIONS"}) {
    const ScriptedCamera camera([&](const std::string& asked, const std::string& request) {
      if (asked == "OPTIONS") return ok("Public: DESCRIBE, SETUP, PLAY, " + std::string(method) + "\r\n");
      if (asked == "SETUP")
        return ok("Session: 7;timeout=20\r\nTransport: RTP/AVP/TCP;" + channels_of(request) + "\r\n");
      return good(asked, request);
    });
    auto client = open(camera.url());
    ASSERT_TRUE(client.has_value());
    test::FakeClock clock;
    Session session(std::move(*client), {.stall_timeout = 60s, .first_video_timeout = 60s}, clock,
                    [](const Packet&) {});
    const size_t before = camera.count(method);
    clock.advance(10s - 1us);
    EXPECT_TRUE(session.tick());
    EXPECT_EQ(camera.count(method), before);
    for (size_t times = 1; times <= 2; ++times) {
      clock.advance(times == 1 ? 1us : 10s);
      EXPECT_TRUE(session.tick());
      ASSERT_TRUE(eventually(kLimit, [&] { return camera.count(method) == before + times; })) << method;
      EXPECT_THAT(camera.requests().back(), HasSubstr("Session: 7\r\n"));
    }
  }
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

// Says something for ever, but nothing that was asked for.
class Chatterer : public Connection {
 public:
  explicit Chatterer(std::string text) : text_(std::move(text)) {}
  int fd() const override { return -1; }
  Result<size_t> receive_now(std::span<uint8_t> into) override {
    std::copy(text_.begin(), text_.end(), into.begin());
    return text_.size();
  }
  Result<size_t> send_some(std::span<const uint8_t> bytes) override { return bytes.size(); }

 private:
  const std::string text_;
};

TEST(RtspClientTest, ServerThatNeverStopsTalkingDoesNotKeepUs) {
  for (const std::string& text : {interleaved(0, "frame"), std::string("OPTIONS * RTSP/1.0\r\n\r\n"),
                                  std::string("RTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n"), std::string("\r\n")}) {
    std::string redirect;
    const MonoTime began = Clock::system().mono();
    const auto client = Client::open_over(std::make_unique<Chatterer>(text), *parse_url("rtsp://cam/"),
                                          {"rtsp://cam/", {}, {}, began + 200ms}, {}, redirect);
    ASSERT_FALSE(client.has_value());
    EXPECT_TRUE(client.error().code == Code::timed_out || text == "\r\n") << text;
    EXPECT_LT(Clock::system().mono() - began, kLimit);
  }
  EXPECT_EQ(SourceConfig().connect_timeout, 10s);
}

TEST(RtspClientTest, WhatIsNoRtspServerIsToldSo) {
  const ScriptedCamera http([](const std::string&, const std::string&) { return "HTTP/1.1 400 Bad\r\n\r\n"; });
  EXPECT_EQ(code_of(http), Code::invalid_argument);
  const ScriptedCamera rude([](const std::string&, const std::string&) { return "hang up"; });
  EXPECT_EQ(code_of(rude), Code::camera_unavailable);
  EXPECT_EQ(open("rtsp://127.0.0.1:1/x").error().code, Code::camera_unavailable);
}

}  // namespace
}  // namespace vedette::rtsp
