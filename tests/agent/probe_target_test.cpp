#include "agent/probe_target.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

Config two_cameras() {
  Config config;
  Config::Camera& front = config.cameras["front"];
  front.url = "rtsp://Cam.Example/Streaming/Channels/101";
  front.username = "viewer";
  front.password = "kanarienvogel";
  Config::Camera& safe = config.cameras["safe"];
  safe.url = "rtsps://10.0.0.7:8322/a";
  safe.password = "kanarienvogel";
  return config;
}

Result<SourceConfig> target(const std::string& url, std::optional<std::string> auth = {}) {
  CameraProbe request;
  request.url = url;
  request.auth_camera_id = std::move(auth);
  return probe_target(request, two_cameras());
}

Code code_of(const Result<SourceConfig>& result) {
  return result ? Code::ok : result.error().code;
}

TEST(ProbeTargetTest, WithoutReferenceThereAreNoCredentials) {
  const auto source = target("rtsp://cam.example/Streaming/Channels/102");
  ASSERT_TRUE(source);
  EXPECT_EQ(source->url, "rtsp://cam.example/Streaming/Channels/102");
  EXPECT_EQ(source->username + source->password, "");
}

TEST(ProbeTargetTest, CredentialsGoToTheirOwnHostAndPort) {
  for (const char* url : {"rtsp://cam.example/other", "rtsp://CAM.example:554/other?x=1"}) {
    const auto source = target(url, "front");
    ASSERT_TRUE(source) << url;
    EXPECT_EQ(source->url, url);
    EXPECT_EQ(source->username, "viewer");
    EXPECT_EQ(source->password, "kanarienvogel");
  }
  EXPECT_EQ(target("rtsps://10.0.0.7:8322/b", "safe")->password, "kanarienvogel");
}

TEST(ProbeTargetTest, CredentialsGoNowhereElse) {
  const std::pair<const char*, const char*> elsewhere[] = {
      {"rtsp://evil.example/", "front"},
      {"rtsp://cam.example.evil.example/", "front"},
      {"rtsp://cam.example:8554/", "front"},
      {"rtsp://evil.example/cam.example", "front"},
      {"rtsp://evil.example?cam.example/", "front"},
      {"rtsp://evil.example#cam.example/", "front"},
      {"rtsp://evil.example\\cam.example/", "front"},
      {"rtsps://cam.example:554/", "front"},
      {"rtsp://10.0.0.7:8322/b", "safe"},  // in the clear
  };
  for (const auto& [url, camera] : elsewhere) {
    const auto source = target(url, camera);
    EXPECT_EQ(code_of(source), Code::forbidden) << url;
    if (!source) {
      EXPECT_EQ(source.error().message.find("kanarienvogel"), std::string::npos);
    }
  }
  EXPECT_EQ(code_of(target("rtsp://cam.example/", "nobody")), Code::not_found);
}

// RTSP through HTTP is at another port, and so something else.
TEST(ProbeTargetTest, CredentialsGoToTheOwnPortOfTheTransport) {
  Config config = two_cameras();
  CameraProbe request;
  request.auth_camera_id = "front";
  const auto code = [&](const char* url, const char* transport) {
    request.url = url;
    request.transport = transport;
    return code_of(probe_target(request, config));
  };
  EXPECT_EQ(code("rtsp://cam.example/a", "multicast"), Code::ok);
  EXPECT_EQ(code("rtsp://cam.example/a", "http"), Code::forbidden);
  EXPECT_EQ(code("rtsp://cam.example:554/a", "http"), Code::ok);
  config.cameras["front"].transport = "http";
  EXPECT_EQ(code("rtsp://cam.example/a", ""), Code::ok);
  EXPECT_EQ(code("rtsp://cam.example:80/a", "http"), Code::ok);
  EXPECT_EQ(code("rtsp://cam.example/a", "tcp"), Code::forbidden);
}

TEST(ProbeTargetTest, NothingOnThisMachineIsProbed) {
  for (const char* url : {"file:///etc/passwd", "test://pattern", "v4l2:///dev/video0", "plugin://x",
                          "rtmp-listen://0.0.0.0:1935/", "srt-listen://0.0.0.0:9000"})
    EXPECT_EQ(code_of(target(url)), Code::forbidden) << url;
  EXPECT_EQ(code_of(target("gopher://cam.example/")), Code::unsupported);
  EXPECT_EQ(code_of(target("/etc/passwd")), Code::invalid_argument);
  EXPECT_EQ(code_of(target("rtsp://")), Code::invalid_argument);
}

}  // namespace
}  // namespace vedette
