// rtsps:// against a real TLS server.
#include <gtest/gtest.h>

#include "sources/camera.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/certificates.h"
#include "tests/support/media.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::Certificates;
using test::Footage;
using test::footage;
using test::SourceRun;

class RtspTlsTest : public testing::Test {
 protected:
  static CameraSim cameras_with(const std::filesystem::path& certificate) {
    auto key = certificate;
    key.replace_extension(".key");
    return CameraSim({.media = {footage(Footage::h264_aac_1080p25)},
                      .user = "viewer",
                      .password = "right",
                      .more = {"--certificate", certificate.string(), "--key", key.string()}});
  }
  static SourceConfig config_for(const CameraSim& cameras, const std::string& ca_file,
                                 const std::string& host = "127.0.0.1") {
    SourceConfig config;
    config.url = "rtsps://" + host + ":" + std::to_string(cameras.port()) + "/Streaming/Channels/101";
    config.username = "viewer";
    config.password = "right";
    config.ca_file = ca_file;
    config.connect_timeout = 5s;
    return config;
  }
  static Error refusal(const SourceConfig& config) {
    SourceRun run(config);
    const auto ended = run.wait_for_end();
    if (!ended || *ended) return {Code::ok, "it was not refused"};
    EXPECT_TRUE(run.packets().empty());
    return ended->error();
  }
  test::TempDir dir_;
  const Certificates certificates_{dir_.path()};
};

TEST_F(RtspTlsTest, PlaysFromACameraWhoseCaIsKnown) {
  const CameraSim cameras = cameras_with(certificates_.server_cert);
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto source = make_source(config_for(cameras, certificates_.ca.string(), host));
    ASSERT_TRUE(source);
    EXPECT_TRUE(test::eventually(SourceRun::kLimit, [&] {
      SourceRun run(**source);
      const bool plays = run.wait_for_video(50);
      const auto stopped = run.stop();
      EXPECT_LT(stopped.took, 500ms);
      const auto video = test::of_track(run.packets(), Track::video);
      for (size_t i = 1; i < video.size(); ++i) EXPECT_LT(video[i].dts - video[i - 1].dts, 80ms) << i;
      return plays;
    })) << host;
  }
}

TEST_F(RtspTlsTest, TheCamerasOwnCertificateMayBeWhatIsTrusted) {
  const CameraSim cameras = cameras_with(certificates_.server_cert);
  SourceRun run(config_for(cameras, certificates_.server_cert.string()));
  EXPECT_TRUE(run.wait_for_video(3));
}

TEST_F(RtspTlsTest, RefusesWhomItDoesNotKnow) {
  const CameraSim cameras = cameras_with(certificates_.server_cert);
  const Error unknown = refusal(config_for(cameras, ""));
  EXPECT_EQ(unknown.code, Code::forbidden);
  EXPECT_NE(unknown.message.find("ca_file"), std::string::npos) << unknown.message;
  const Certificates others(dir_.path() / "others");
  EXPECT_NE(refusal(config_for(cameras, others.ca.string())).message.find("ca_file"), std::string::npos);
  const Error missing = refusal(config_for(cameras, "/no/such/ca.pem"));
  EXPECT_NE(missing.message.find("/no/such/ca.pem"), std::string::npos) << missing.message;
}

TEST_F(RtspTlsTest, RefusesACertificateForAnotherName) {
  const CameraSim cameras = cameras_with(certificates_.make_for("camera.example"));
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const Error error = refusal(config_for(cameras, certificates_.ca.string(), host));
    EXPECT_EQ(error.code, Code::forbidden);
    EXPECT_NE(error.message.find("not made out for " + std::string(host)), std::string::npos) << error.message;
  }
}

TEST_F(RtspTlsTest, RefusesACertificateThatIsOver) {
  const CameraSim cameras = cameras_with(certificates_.make_expired());
  const Error error = refusal(config_for(cameras, certificates_.ca.string()));
  EXPECT_EQ(error.code, Code::forbidden);
  EXPECT_NE(error.message.find("expired"), std::string::npos) << error.message;
}

TEST_F(RtspTlsTest, TheCausesStandInTheCamerasState) {
  const CameraSim cameras = cameras_with(certificates_.make_for("camera.example"));
  CameraConfig config;
  config.source = config_for(cameras, certificates_.ca.string());
  config.source.camera_id = "front";
  Camera camera(config, [](const std::string&, const CameraStatus&) {});
  EXPECT_TRUE(test::eventually(SourceRun::kLimit, [&] { return camera.status().state == CameraState::auth_failed; }));
  EXPECT_NE(camera.status().error.find("not made out for 127.0.0.1"), std::string::npos) << camera.status().error;
}

TEST_F(RtspTlsTest, APortThatSpeaksNoTlsIsToldSo) {
  const CameraSim plain({.media = {footage(Footage::h264_no_audio)}});
  const Error error = refusal(config_for(plain, certificates_.ca.string()));
  EXPECT_TRUE(error.code == Code::camera_unavailable || error.code == Code::timed_out) << error.message;
  EXPECT_NE(error.message.find("TLS"), std::string::npos) << error.message;
}

TEST_F(RtspTlsTest, MediaAreNeverSentBesideIt) {
  const CameraSim cameras = cameras_with(certificates_.server_cert);
  auto config = config_for(cameras, certificates_.ca.string());
  config.transport = "udp";
  EXPECT_EQ(make_source(config).error().code, Code::invalid_argument);
  config.transport = "auto";
  SourceRun run(config);
  EXPECT_TRUE(run.wait_for_video(3));
}

}  // namespace
}  // namespace vedette
