// What HTTP and RTMP sources do when something is wrong; what they do when all is well is in source_contract_test.cpp.
#include "sources/libav_source.h"

#include <gtest/gtest.h>

#include "media/demuxer.h"
#include "tests/sources/scripted_camera.h"
#include "tests/sources/silent_server.h"
#include "tests/sources/source_run.h"
#include "tests/support/certificates.h"
#include "tests/support/http_camera.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/rtmp_server.h"

namespace vedette {
namespace {

using test::Certificates;
using test::Footage;
using test::footage;
using test::HttpCamera;
using test::HttpCameraOptions;
using test::of_track;
using test::RtmpServer;
using test::SourceRun;

constexpr const char* kSecret = "p@ss/w:rd 1";

SourceConfig config_for(const std::string& url, const std::string& password = "") {
  SourceConfig config;
  config.url = url;
  config.username = password.empty() ? "" : "viewer";
  config.password = password;
  config.connect_timeout = 3s;
  config.stall_timeout = 2s;
  return config;
}

Error error_of(const SourceConfig& config) {
  SourceRun run(config);
  const auto ended = run.wait_for_end();
  if (!ended) return {Code::internal, "the source did not end"};
  return *ended ? Error{Code::ok, ""} : ended->error();
}

std::string url_of(uint16_t port, const std::string& scheme = "http") {
  return scheme + "://127.0.0.1:" + std::to_string(port) + "/live/1.flv";
}

class HttpSourceTest : public testing::Test {
 protected:
  HttpCamera camera_{{.media = {footage(Footage::h264_aac_1080p25)}, .user = "viewer", .password = kSecret}};
};

TEST_F(HttpSourceTest, WrongPasswordIsForbidden) {
  const Error error = error_of(config_for(camera_.url("/live/1.flv"), "wrong-secret"));
  EXPECT_EQ(error.code, Code::forbidden) << error.message;
  EXPECT_EQ(error.message.find("secret"), std::string::npos);
}

TEST_F(HttpSourceTest, BasicIsAnsweredToo) {
  const HttpCamera basic({.media = {footage(Footage::h264_aac_1080p25)},
                          .user = "viewer",
                          .password = kSecret,
                          .more = {"--auth", "basic"}});
  SourceRun run(config_for(basic.url("/live/1.ts"), kSecret));
  EXPECT_TRUE(run.wait_for_video(1));
}

TEST_F(HttpSourceTest, UnknownPathIsNotFound) {
  EXPECT_EQ(error_of(config_for(camera_.url("/live/9.flv"), kSecret)).code, Code::not_found);
}

TEST_F(HttpSourceTest, NobodyThereIsUnavailable) {
  EXPECT_EQ(error_of(config_for(url_of(test::free_port()))).code, Code::camera_unavailable);
  EXPECT_EQ(error_of(config_for("http://no-such-camera.invalid/1")).code, Code::camera_unavailable);
}

TEST_F(HttpSourceTest, SilentServerTimesOut) {
  const test::SilentServer server;
  for (const char* scheme : {"http", "https", "rtmp"}) {
    SourceConfig config = config_for(url_of(server.port(), scheme));
    config.connect_timeout = 1s;
    const MonoTime begin = Clock::system().mono();
    const Error error = error_of(config);
    EXPECT_EQ(error.code, Code::timed_out) << scheme << ": " << error.message;
    EXPECT_LT(Clock::system().mono() - begin, 2s) << scheme;
  }
}

TEST_F(HttpSourceTest, StopEndsConnectingToASilentServer) {
  const test::SilentServer server;
  for (const char* scheme : {"http", "https", "rtmp"}) {
    SourceRun run(config_for(url_of(server.port(), scheme)));
    EXPECT_FALSE(run.wait_for_end(100ms));
    EXPECT_LT(run.stop().took, 500ms) << scheme;
  }
}

TEST_F(HttpSourceTest, FrozenStreamTimesOutThoughTheConnectionLives) {
  SourceRun run(config_for(camera_.url("/live/1.ts"), kSecret));
  ASSERT_TRUE(run.wait_for_video(3));
  camera_.pause();
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended && !*ended);
  EXPECT_EQ(ended->error().code, Code::timed_out) << ended->error().message;
}

TEST_F(HttpSourceTest, EndOfTheStreamIsUnavailable) {
  for (const char* path : {"/live/1.flv?end_after=1", "/live/1.mjpg?end_after=1"}) {
    const Error error = error_of(config_for(camera_.url(path), kSecret));
    EXPECT_EQ(error.code, Code::camera_unavailable) << path << error.message;
  }
}

// libavformat numbers these pictures as if there were 25 in a second.
TEST_F(HttpSourceTest, PicturesWithoutTimesAreTimedByTheirArrival) {
  SourceRun run(config_for(camera_.url("/live/1.mjpg?fps=5"), kSecret));
  ASSERT_TRUE(run.wait_for_video(11));
  const auto packets = run.packets();
  const auto took = packets[10].pts - packets[0].pts;
  EXPECT_NEAR(static_cast<double>(took.count()), 2e6, 3e5);
}

TEST_F(HttpSourceTest, PlaylistDoesNotLeadToAFileOfThisMachine) {
  SourceRun run(config_for(camera_.url("/hostile/file.m3u8"), kSecret));
  EXPECT_TRUE(run.wait_for_end());
  EXPECT_TRUE(run.packets().empty());
}

TEST_F(HttpSourceTest, RecordedFileIsPlayedInRealTime) {
  SourceRun run(config_for(camera_.url("/media/1"), kSecret));
  ASSERT_TRUE(run.wait_for_video(51));
  const auto video = of_track(run.packets(), Track::video);
  EXPECT_NEAR(static_cast<double>((video[50].pts - video[0].pts).count()), 2e6, 1e4);
  EXPECT_GE(video[50].arrival - video[0].arrival, 1900ms);
}

TEST_F(HttpSourceTest, UrlWithoutHostOrWithABadPortIsRefused) {
  for (const char* url : {"http://", "http:///x", "https://h:0/", "rtmp://h:x/live/1", "http://a b/", "http://[::1/"}) {
    const auto made = make_source(config_for(url));
    ASSERT_FALSE(made) << url;
    EXPECT_EQ(made.error().code, Code::invalid_argument);
  }
}

class HttpsSourceTest : public testing::Test {
 protected:
  HttpCamera camera(std::vector<std::string> more = {}) const {
    return HttpCamera({.media = {footage(Footage::h264_aac_1080p25)},
                       .user = "viewer",
                       .password = kSecret,
                       .cert = certificates_.server_cert,
                       .key = certificates_.server_key,
                       .more = std::move(more)});
  }
  static HttpCamera camera_with(std::filesystem::path certificate) {
    HttpCameraOptions options{.media = {footage(Footage::h264_aac_1080p25)}, .cert = certificate};
    options.key = certificate.replace_extension(".key");
    return HttpCamera(std::move(options));
  }
  SourceConfig trusting(const std::string& url) const {
    SourceConfig config = config_for(url, kSecret);
    config.ca_file = certificates_.ca;
    config.connect_timeout = 10s;
    return config;
  }

  test::TempDir dir_;
  const Certificates certificates_{dir_.path()};
};

TEST_F(HttpsSourceTest, PrivateAuthorityIsTrustedWhenItIsNamed) {
  const HttpCamera https = camera({"--hls"});
  for (const char* path : {"/live/1.flv", "/hls/index.m3u8"}) {
    SourceRun run(trusting(https.url(path)));
    EXPECT_TRUE(run.wait_for_video(3)) << path;
  }
}

TEST_F(HttpsSourceTest, CertificatesThatAreRefusedAreForbiddenWithWhatToDo) {
  const auto refusal = [](const SourceConfig& config, const std::string& remedy) {
    const Error error = error_of(config);
    EXPECT_EQ(error.code, Code::forbidden) << error.message;
    EXPECT_NE(error.message.find(remedy), std::string::npos) << error.message;
  };
  const HttpCamera https = camera();
  SourceConfig unknown = trusting(https.url("/live/1.flv"));
  unknown.ca_file.clear();
  refusal(unknown, "ca_file");
  unknown.ca_file = Certificates(dir_.path() / "others").ca;
  refusal(unknown, "ca_file");
  const HttpCamera renamed = camera_with(certificates_.make_for("camera.example"));
  refusal(trusting(renamed.url("/live/1.flv")), "not made out for 127.0.0.1");
  const HttpCamera expired = camera_with(certificates_.make_expired());
  refusal(trusting(expired.url("/live/1.flv")), "expired");
}

TEST_F(HttpsSourceTest, OtherFailuresStayWhatTheyAre) {
  const HttpCamera https = camera();
  EXPECT_EQ(error_of(trusting(https.url("/live/9.flv"))).code, Code::not_found);
  SourceConfig config = trusting(https.url("/live/1.flv"));
  config.password = "wrong";
  const Error wrong = error_of(config);
  EXPECT_EQ(wrong.code, Code::forbidden);
  EXPECT_EQ(wrong.message.find("certificate"), std::string::npos) << wrong.message;
  EXPECT_EQ(error_of(trusting(url_of(test::free_port(), "https"))).code, Code::camera_unavailable);
  config = trusting(https.url("/live/1.flv"));
  config.ca_file = "/no/such/ca.pem";
  const Error missing = error_of(config);
  EXPECT_EQ(missing.code, Code::invalid_argument) << missing.message;
  EXPECT_NE(missing.message.find("/no/such/ca.pem"), std::string::npos) << missing.message;
}

// What becomes of an answer of the camera that names another place, after it has asked for the password in clear.
Error error_of_rtsp_redirected_to(const std::string& url) {
  const test::ScriptedCamera camera([&](const std::string&, const std::string& request) -> std::string {
    const bool knows = request.find("Authorization: Basic") != std::string::npos;
    return (knows ? "RTSP/1.0 302 Moved\r\nCSeq: {cseq}\r\nLocation: " + url
                  : "RTSP/1.0 401 No\r\nCSeq: {cseq}\r\nWWW-Authenticate: Basic realm=\"r\"") +
           "\r\n\r\n";
  });
  const auto opened =
      Demuxer::open(camera.url(), {.username = "viewer", .password = kSecret, .open_timeout = 10s}, std::stop_token());
  return opened ? Error{Code::ok, ""} : opened.error();
}

TEST(LibavRtspTest, CredentialsAreNotTakenToAnotherHost) {
  const test::ScriptedCamera other([](const std::string&, const std::string&) { return "hang up"; });
  std::string url = other.url();
  url.replace(url.find("127.0.0.1"), 9, "localhost");
  const Error error = error_of_rtsp_redirected_to(url);
  EXPECT_EQ(error.code, Code::camera_unavailable);
  EXPECT_NE(error.message.find("redirects to another host"), std::string::npos) << error.message;
  EXPECT_TRUE(other.requests().empty()) << other.requests().front();
}

TEST(LibavRtspTest, TheSameHostMayMoveTheStream) {
  const test::ScriptedCamera other([](const std::string&, const std::string&) { return "hang up"; });
  error_of_rtsp_redirected_to(other.url());
  EXPECT_EQ(other.count("OPTIONS"), 1u);
}

TEST(RtmpSourceTest, StreamThatIsNotThereIsAnErrorInTime) {
  const RtmpServer server(footage(Footage::h264_aac_1080p25));
  const MonoTime begin = Clock::system().mono();
  const Error error = error_of(config_for("rtmp://127.0.0.1:" + std::to_string(server.port()) + "/live/other"));
  EXPECT_NE(error.code, Code::ok);
  EXPECT_LT(Clock::system().mono() - begin, 4s) << error.message;
}

TEST(RtmpSourceTest, StreamThatIsNotPublishedAnyMoreEnds) {
  RtmpServer server(footage(Footage::h264_aac_1080p25));
  SourceRun run(config_for(server.url()));
  ASSERT_TRUE(run.wait_for_video(3));
  server.stop_publishing();
  const auto ended = run.wait_for_end();
  ASSERT_TRUE(ended && !*ended);
  EXPECT_TRUE(ended->error().code == Code::camera_unavailable || ended->error().code == Code::timed_out)
      << ended->error().message;
}

}  // namespace
}  // namespace vedette
