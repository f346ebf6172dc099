// RTSP through HTTP.
#include "sources/rtsp/http_tunnel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <deque>

#include "core/text.h"
#include "tests/sources/silent_server.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/certificates.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace vedette::rtsp {
namespace {

using test::CameraSim;
using test::Footage;
using test::footage;
using test::SourceRun;
using testing::HasSubstr;
using testing::Not;

constexpr milliseconds kLimit{10000};
const std::string kOpened = "HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n";

// A server that has said all it will say before it is asked: of each connection, in turn.
class HttpTunnelTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Connection>> open(std::deque<std::string> says, const std::string& password = "pa55word") {
    says_ = std::move(says);
    servers_.clear();
    return open_http_tunnel(
        [this]() -> Result<std::unique_ptr<Connection>> {
          std::array<int, 2> ends{};
          if (says_.empty()) return fail(Code::camera_unavailable, "connecting: refused");
          EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
          servers_.emplace_back(ends[0]);
          say(servers_.size() - 1, says_.front());
          says_.pop_front();
          return connection_over(Fd(ends[1]));
        },
        {"cam:80", "/live?x=1", "admin", password}, Clock::system().mono() + 500ms, {});
  }
  Error error_of(std::deque<std::string> says) {
    const auto tunnel = open(std::move(says));
    return tunnel ? Error{Code::ok, "it is open"} : tunnel.error();
  }
  void say(size_t connection, const std::string& text) const {
    EXPECT_EQ(::send(servers_[connection].get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  std::string heard(size_t connection) const {
    std::string all;
    std::array<char, 4096> buffer;
    for (ssize_t got; (got = recv(servers_[connection].get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;)
      all.append(buffer.data(), static_cast<size_t>(got));
    return all;
  }
  static Result<std::string> received(Connection& tunnel) {
    std::array<uint8_t, 100> buffer;
    const auto got = tunnel.receive(buffer, Clock::system().mono() + 500ms, {});
    if (!got) return got.error_as_is();
    return std::string(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(*got));
  }
  static std::string header(const std::string& request, const std::string& name) {
    const size_t at = request.find("\r\n" + name + ": ") + name.size() + 4;
    return request.substr(at, request.find("\r\n", at) - at);
  }

  std::deque<std::string> says_;
  std::vector<Fd> servers_;
};

TEST_F(HttpTunnelTest, ItsTwoConnectionsNameEachOther) {
  const auto tunnel = open({kOpened + "RTSP/1.0", ""});
  ASSERT_TRUE(tunnel.has_value()) << tunnel.error().message;
  const std::string get = heard(0), post = heard(1);
  EXPECT_TRUE(get.starts_with("GET /live?x=1 HTTP/1.0\r\nHost: cam:80\r\n")) << get;
  EXPECT_TRUE(post.starts_with("POST /live?x=1 HTTP/1.0\r\n")) << post;
  EXPECT_THAT(get, HasSubstr("Accept: application/x-rtsp-tunnelled\r\n"));
  EXPECT_THAT(post, HasSubstr("Content-Type: application/x-rtsp-tunnelled\r\n"));
  EXPECT_THAT(post, HasSubstr("Content-Length: 32767\r\n"));
  const std::string cookie = header(get, "x-sessioncookie");
  EXPECT_EQ(cookie.size(), 22u);
  EXPECT_EQ(header(post, "x-sessioncookie"), cookie);
  EXPECT_THAT(get + post, Not(HasSubstr("Authorization")));
  EXPECT_EQ(*received(**tunnel), "RTSP/1.0") << "came with the answer";
  ASSERT_TRUE((*tunnel)->send("OPTIONS rtsp://cam/ RTSP/1.0\r\n\r\n", Clock::system().mono() + kLimit, {}));
  ASSERT_TRUE((*tunnel)->send_now("$"));
  EXPECT_EQ(heard(1), to_base64("OPTIONS rtsp://cam/ RTSP/1.0\r\n\r\n") + to_base64("$"));
  say(0, " 200 OK");
  EXPECT_EQ(*received(**tunnel), " 200 OK");
  const auto another = open({kOpened, ""});
  EXPECT_NE(header(heard(0), "x-sessioncookie"), cookie);
}

TEST_F(HttpTunnelTest, AnswersTheChallengeOfHttpOnBoth) {
  const std::string digest =
      "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\r\n";
  ASSERT_TRUE(open({digest, kOpened, ""}).has_value());
  EXPECT_THAT(heard(0), Not(HasSubstr("Authorization")));
  for (const size_t i : {1u, 2u}) {
    const std::string asked = heard(i);
    EXPECT_THAT(asked, HasSubstr("uri=\"/live?x=1\""));
    EXPECT_THAT(asked, HasSubstr(", nc=0000000" + std::to_string(i)));
    EXPECT_THAT(asked, Not(HasSubstr("pa55word")));
  }
  ASSERT_TRUE(open({"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"r\"\r\n\r\n", kOpened, ""}).has_value());
  EXPECT_EQ(header(heard(2), "Authorization"), "Basic " + to_base64("admin:pa55word"));
  const Error wrong = error_of({digest, digest, kOpened, ""});
  EXPECT_EQ(wrong.code, Code::forbidden);
  EXPECT_EQ(servers_.size(), 2u) << "tried once, not again and again";
  EXPECT_THAT(wrong.message, Not(HasSubstr("pa55word")));
}

TEST_F(HttpTunnelTest, SaysWhatTheServerRefused) {
  EXPECT_EQ(error_of({"HTTP/1.1 403 Forbidden\r\n\r\n"}).code, Code::forbidden);
  EXPECT_EQ(error_of({"HTTP/1.1 404 Not Found\r\n\r\n"}).code, Code::not_found);
  EXPECT_EQ(error_of({"HTTP/1.1 503 Busy\r\n\r\n"}).code, Code::busy);
  EXPECT_EQ(error_of({"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n"}).code, Code::camera_unavailable);
  EXPECT_EQ(error_of({"HTTP/1.1 405 Method Not Allowed\r\n\r\n"}).code, Code::camera_unavailable);
  EXPECT_EQ(error_of({}).code, Code::camera_unavailable);
  EXPECT_EQ(error_of({kOpened}).code, Code::camera_unavailable) << "the second connection is refused";
  EXPECT_EQ(error_of({""}).code, Code::timed_out);
  const Error page = error_of({"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", ""});
  EXPECT_EQ(page.code, Code::invalid_argument);
  EXPECT_THAT(page.message, HasSubstr("web page"));
}

TEST_F(HttpTunnelTest, GarbageIsNoHttp) {
  for (const std::string& garbage :
       {std::string("RTSP/1.0 400 Bad Request\r\n\r\n"), std::string("HTTP/1.1 OK\r\n\r\n"), std::string("\0\1\2\n", 4),
        std::string("HTTP/1.1 1000 x\r\n\r\n"), "HTTP/1.1 200 OK\r\n" + std::string(20'000, 'x'),
        std::string(20'000, 'x'), "HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"})
    EXPECT_EQ(error_of({garbage, ""}).code, Code::invalid_argument) << garbage.substr(0, 30);
}

TEST_F(HttpTunnelTest, PostThatIsRefusedIsToldAtOnce) {
  const auto error_after = [this](const std::string& text) {
    const auto tunnel = open({kOpened, ""});
    say(1, text);
    const auto got = received(**tunnel);
    return got ? Error{Code::ok, "nothing was refused"} : got.error();
  };
  EXPECT_EQ(error_after("HTTP/1.1 401 Unauthorized\r\n\r\n").code, Code::forbidden);
  EXPECT_EQ(error_after("HTTP/1.1 404 Not Found\r\n\r\n").code, Code::not_found);
  EXPECT_EQ(error_after("HTTP/1.1 405 Method Not Allowed\r\n\r\n").code, Code::camera_unavailable);
  EXPECT_EQ(error_after("nonsense\r\n").code, Code::invalid_argument);
  EXPECT_EQ(error_after(std::string(20'000, 'x')).code, Code::invalid_argument);
  EXPECT_EQ(error_after("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n\r\n").code, Code::timed_out)
      << "more behind the first answer is looked at when more comes";
}

TEST_F(HttpTunnelTest, PostThatIsAnsweredWithOkIsTakenAndThatItEndsIsAnError) {
  const auto tunnel = open({kOpened, ""});
  say(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nand more");
  EXPECT_EQ(received(**tunnel).error().code, Code::timed_out);
  say(0, "RTSP/1.0");
  EXPECT_EQ(*received(**tunnel), "RTSP/1.0");
  servers_.pop_back();
  const auto ended = received(**tunnel);
  EXPECT_EQ(ended.error().code, Code::camera_unavailable);
  EXPECT_THAT(ended.error().message, HasSubstr("POST"));
}

TEST_F(HttpTunnelTest, WhatDoesNotGoOutAtOnceIsNotLost) {
  const auto tunnel = open({kOpened, ""});
  heard(1);
  const int least = 1;
  setsockopt((*tunnel)->send_fd(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
  const std::string block(12'000, 'r');  // a multiple of three: base64 of the parts is that of the whole
  std::string all, arrived;
  const auto take = [&](const std::string& text) {
    return (*tunnel)->send_some({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  bool was_full = false;
  for (int i = 0; i < 20; ++i) {
    auto sent = take(block);
    ASSERT_TRUE(sent.has_value());
    for (; *sent == 0; sent = take(block)) {
      was_full = true;
      arrived += heard(1);
    }
    ASSERT_EQ(*sent, block.size());
    all += block;
  }
  EXPECT_TRUE(was_full);
  EXPECT_EQ(arrived + heard(1), to_base64(all));
}

// Against a real server.
class RtspTunnelTest : public testing::Test {
 protected:
  static SourceConfig config_for(const std::string& url) {
    SourceConfig config;
    config.url = url;
    config.username = "viewer";
    config.password = "right";
    config.transport = "http";
    config.connect_timeout = 2s;
    config.stall_timeout = 2s;
    return config;
  }
  static std::string local(uint16_t port) { return "rtsp://127.0.0.1:" + std::to_string(port) + "/1"; }
  static Error error_of(SourceRun& run) {
    const auto ended = run.wait_for_end();
    return ended && !*ended ? ended->error() : Error{Code::ok, "it did not end with an error"};
  }
};

TEST_F(RtspTunnelTest, WrongPasswordIsForbidden) {
  const CameraSim camera({.media = {footage(Footage::h264_no_audio)}, .user = "viewer", .password = "right"});
  auto config = config_for(camera.url());
  config.password = "secret-1";
  SourceRun run(config);
  const Error error = error_of(run);
  EXPECT_EQ(error.code, Code::forbidden) << error.message;
  EXPECT_THAT(error.message, Not(HasSubstr("secret-1")));
}

TEST_F(RtspTunnelTest, RefusedConnectionIsUnavailable) {
  SourceRun run(config_for(local(test::free_port())));
  EXPECT_EQ(error_of(run).code, Code::camera_unavailable);
}

TEST_F(RtspTunnelTest, SilentServerTimesOut) {
  const test::SilentServer server;
  const MonoTime began = Clock::system().mono();
  SourceRun run(config_for(local(server.port())));
  EXPECT_EQ(error_of(run).code, Code::timed_out);
  EXPECT_GE(Clock::system().mono() - began, 1900ms);
}

TEST_F(RtspTunnelTest, StopEndsWaitingForASilentServer) {
  const test::SilentServer server;
  SourceRun run(config_for(local(server.port())));
  EXPECT_FALSE(run.wait_for_end(200ms));
  const auto stopped = run.stop();
  EXPECT_TRUE(stopped.status);
  EXPECT_LT(stopped.took, 500ms);
}

TEST_F(RtspTunnelTest, ClosedConnectionIsUnavailableAndAFrozenPictureTimesOut) {
  CameraSim camera({.media = {footage(Footage::h264_no_audio)}});
  {
    SourceRun run(config_for(camera.url()));
    ASSERT_TRUE(run.wait_for_video(3));
    camera.kick();
    const Error error = error_of(run);
    EXPECT_EQ(error.code, Code::camera_unavailable) << error.message;
  }
  SourceRun run(config_for(camera.url()));
  ASSERT_TRUE(run.wait_for_video(3));
  camera.freeze();
  EXPECT_EQ(error_of(run).code, Code::timed_out);
}

// The server forgets a session of which it hears nothing for 5 s, and checks that every 2 s.
TEST_F(RtspTunnelTest, SessionIsKeptAliveThroughThePost) {
  const CameraSim camera({.media = {footage(Footage::h264_no_audio)}, .more = {"--session-timeout", "5"}});
  SourceRun run(config_for(camera.url()));
  EXPECT_TRUE(run.wait_for_video(10 * 12));
  EXPECT_TRUE(run.stop().status);
  EXPECT_TRUE(test::eventually(kLimit, [&] { return camera.log().find("ended by the client") != std::string::npos; }));
}

TEST_F(RtspTunnelTest, WhatWeHaveNoDepacketiserForComesThroughItToo) {
  const CameraSim camera({.media = {footage(Footage::mpeg4_aac)}, .user = "viewer", .password = "right"});
  auto config = config_for(camera.url());
  config.connect_timeout = 10s;
  SourceRun run(config);
  EXPECT_TRUE(run.wait_for_video(10));
}

TEST_F(RtspTunnelTest, GoesThroughHttpsWithTheCertificateVerified) {
  const test::TempDir dir;
  const test::Certificates certificates{dir.path()};
  auto key = certificates.server_cert;
  key.replace_extension(".key");
  const CameraSim camera({.media = {footage(Footage::h264_aac_1080p25)},
                          .user = "viewer",
                          .password = "right",
                          .more = {"--certificate", certificates.server_cert.string(), "--key", key.string()}});
  auto config = config_for("rtsps" + camera.url().substr(4));
  config.connect_timeout = 5s;
  {
    SourceRun run(config);
    const Error error = error_of(run);
    EXPECT_EQ(error.code, Code::forbidden) << error.message;
    EXPECT_THAT(error.message, HasSubstr("ca_file"));
  }
  config.ca_file = certificates.ca.string();
  SourceRun run(config);
  EXPECT_TRUE(run.wait_for_video(50));
  const auto stopped = run.stop();
  EXPECT_TRUE(stopped.status);
  EXPECT_LT(stopped.took, 500ms);
}

}  // namespace
}  // namespace vedette::rtsp
