// The tests of the tests: what everything in tests/support promises, once each.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/mosquitto.h"
#include "tests/support/mqtt_probe.h"
#include "tests/support/ports.h"
#include "tests/support/process.h"
#include "tests/support/s3_server.h"
#include "tests/support/wait.h"

namespace vedette::test {
namespace {

constexpr milliseconds kLimit{20000};

bool is_alive(pid_t pid) {
  return kill(pid, 0) == 0;
}

TEST(ProcessTest, GivesOutputAndExitStatus) {
  const Finished finished = run({"sh", "-c", "echo $WORD; echo bad >&2; exit 7"}, kLimit, {.env = {{"WORD", "good"}}});
  EXPECT_EQ(finished.status, 7);
  EXPECT_EQ(finished.output, "good\n");
  EXPECT_EQ(finished.errors, "bad\n");
}

TEST(ProcessTest, ThrowsWhenThereIsNoSuchProgram) {
  EXPECT_THROW(Process({"/no/such/program"}), std::runtime_error);
}

TEST(ProcessTest, EndsWithItsOwnerTogetherWithItsChildren) {
  pid_t child = 0;
  {
    Process process({"sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait; wait"}, {.grace = milliseconds(100)});
    ASSERT_TRUE(process.wait_for_output("\n", kLimit));
    child = std::stoi(process.output());
    EXPECT_TRUE(is_alive(child));
  }
  EXPECT_TRUE(eventually(kLimit, [&] { return !is_alive(child); }));
}

TEST(ProcessTest, SaysWhichSignalEndedIt) {
  Process process({"sleep", "1000"});
  EXPECT_TRUE(process.running());
  process.kill(SIGKILL);
  EXPECT_EQ(process.wait(kLimit), 128 + SIGKILL);
}

TEST(PortsTest, AreFreeAndNeverGivenTwice) {
  const uint16_t first = free_ports(20);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(accepts_connections(static_cast<uint16_t>(first + i)));
  EXPECT_NE(free_port(), free_port());
}

TEST(MosquittoTest, KeepsRetainedMessagesOverAKill) {
  Mosquitto broker({.persistence = true});
  {
    MqttProbe probe(broker);
    ASSERT_TRUE(probe.publish({.topic = "vedette/v1/a/status", .payload = R"({"state":"online"})", .retain = true}));
  }
  ASSERT_TRUE(eventually(kLimit, [&] { return broker.has_saved("online"); }));
  broker.kill9();
  EXPECT_FALSE(accepts_connections(broker.port()));
  broker.start();
  MqttProbe probe(broker);
  EXPECT_TRUE(probe.wait_for_state("/status", "online", kLimit));
}

TEST(MosquittoTest, WithUsersRefusesTheWrongPassword) {
  Mosquitto broker({.users = {{"edge-01", "secret-1"}}});
  const std::string port = std::to_string(broker.port());
  const auto publish = [&](const std::string& password) {
    return run({"mosquitto_pub", "-p", port, "-u", "edge-01", "-P", password, "-t", "a", "-m", "b"}).status;
  };
  EXPECT_EQ(publish("secret-1"), 0);
  EXPECT_NE(publish("secret-2"), 0);
}

TEST(MosquittoTest, WithTlsTakesTheClientCertificateAsTheUser) {
  Mosquitto broker({.acl = "user edge-01\ntopic readwrite vedette/#\n", .client_certificates = true});
  const Certificates& files = broker.certificates();
  MqttProbe probe(ProbeOptions{
      .port = broker.port(), .ca_file = files.ca, .cert_file = files.client_cert, .key_file = files.client_key});
  ASSERT_TRUE(probe.publish({.topic = "vedette/x", .payload = "1"}));
  EXPECT_TRUE(probe.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/x"; }, kLimit));
}

TEST(MqttProbeTest, RecordsAllProperties) {
  const Mosquitto broker;
  MqttProbe probe(broker);
  ASSERT_TRUE(probe.publish({.topic = "vedette/a",
                             .payload = "x",
                             .retain = true,
                             .response_topic = "vedette/b",
                             .correlation = std::string("\0\1", 2),
                             .content_type = "text/plain",
                             .user_properties = {{"schema", "s1"}, {"other", "o"}},
                             .expiry_s = 60}));
  const auto got = probe.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/a"; }, kLimit);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->payload, "x");
  EXPECT_EQ(got->qos, 1);
  EXPECT_TRUE(got->retain);
  EXPECT_EQ(got->response_topic, "vedette/b");
  EXPECT_EQ(got->correlation, std::string("\0\1", 2));
  EXPECT_EQ(got->content_type, "text/plain");
  EXPECT_EQ(got->property("schema"), "s1");
  EXPECT_EQ(got->property("other"), "o");
  EXPECT_EQ(got->expiry_s, 60u);
}

TEST(MqttProbeTest, SkipsRepliesThatAreNotFinal) {
  const Mosquitto broker;
  MqttProbe probe(broker);
  const std::string id = probe.send_command("edge-01", "agent.ping", Json::object());
  const auto command =
      probe.wait_for([](const ProbeMessage& m) { return m.topic == "vedette/v1/edge-01/command/agent.ping"; }, kLimit);
  ASSERT_TRUE(command);
  for (const std::string status : {"accepted", "in_progress", "succeeded"})
    ASSERT_TRUE(probe.publish(
        {.topic = command->response_topic, .payload = to_text({{"command_id", id}, {"status", status}})}));
  EXPECT_EQ(probe.final_reply(id)["status"], "succeeded");
}

TEST(MqttProbeTest, ComesBackAfterABrokerRestart) {
  Mosquitto broker;
  MqttProbe probe(broker);
  broker.stop();
  broker.start();
  EXPECT_TRUE(eventually(kLimit, [&] {
    run({"mosquitto_pub", "-p", std::to_string(broker.port()), "-t", "vedette/x", "-m", "1"});
    return probe.mark() > 0;
  }));
}

TEST(MqttProbeTest, DumpsOneLineForEachMessage) {
  const Mosquitto broker;
  MqttProbe probe(broker);
  const TempDir dir;
  ASSERT_TRUE(probe.publish({.topic = "vedette/v1/a/command/agent.ping", .payload = R"({"v":1})"}));
  ASSERT_TRUE(probe.publish({.topic = "vedette/v1/a/camera/c/image", .payload = "\xff\xd8\xff"}));
  ASSERT_TRUE(eventually(kLimit, [&] { return probe.mark() == 2; }));
  probe.dump(dir.path() / "dump");
  EXPECT_EQ(read_text(dir.path() / "dump"),
            R"({"topic":"vedette/v1/a/command/agent.ping","payload":"{\"v\":1}","qos":1,"retain":false,)"
            R"("direction":"in"})"
            "\n"
            R"({"topic":"vedette/v1/a/camera/c/image","payload_base64":"/9j/","qos":1,"retain":false,)"
            R"("direction":"out"})"
            "\n");
}

class FootageTest : public testing::TestWithParam<Footage> {};

TEST_P(FootageTest, CanBeGeneratedAndDecoded) {
  const auto path = generated_footage(GetParam());
  EXPECT_EQ(run({"ffmpeg", "-v", "error", "-xerror", "-i", path.string(), "-f", "null", "-"}).errors, "") << path;
}

INSTANTIATE_TEST_SUITE_P(All, FootageTest,
                         testing::Values(Footage::h264_aac_1080p25, Footage::h264_no_audio, Footage::h264_pcmu,
                                         Footage::h264_bframes_aac, Footage::h264_long_gop, Footage::h264_vfr,
                                         Footage::h264_size_change, Footage::h265_pcma, Footage::mpeg4_aac,
                                         Footage::mjpeg, Footage::h264_5fps, Footage::h264_60fps));

// What ffprobe says about the streams behind a URL.
std::string probed(const std::string& url) {
  return run({"ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name", "-of",
              "csv=p=0", url})
      .output;
}

TEST(CameraSimTest, AsksForThePasswordAndThenServesVideoAndSound) {
  const CameraSim camera({.media = {footage(Footage::h264_aac_1080p25)}, .user = "viewer", .password = "p@ss"});
  std::string url = camera.url();
  EXPECT_EQ(probed(url), "");
  url.insert(url.find("//") + 2, "viewer:p%40ss@");
  EXPECT_EQ(probed(url), "h264\naac\n");
}

TEST(CameraSimTest, ServesEachChannelAndSubStream) {
  const CameraSim camera({.media = {footage(Footage::h265_pcma), footage(Footage::h264_no_audio)},
                          .sub_media = {footage(Footage::mjpeg)},
                          .cameras = 2});
  EXPECT_EQ(probed(camera.url(1)), "hevc\npcm_alaw\n");
  EXPECT_EQ(probed(camera.url(2)), "h264\n");
  EXPECT_EQ(probed(camera.url(1, true)), "mjpeg\n");
}

// A client that copies frames into a file, flushed at once.
class CameraClientTest : public testing::Test {
 protected:
  void open() {
    client_ = std::make_unique<Process>(
        std::vector<std::string>{"ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", camera_.url(),
                                 "-c", "copy", "-flush_packets", "1", "-f", "h264", (dir_.path() / "out").string()});
    ASSERT_TRUE(eventually(kLimit, [this] { return size() > 0; })) << client_->output();
  }
  uintmax_t size() const {
    std::error_code none;
    const auto size = std::filesystem::file_size(dir_.path() / "out", none);
    return none ? 0 : size;
  }
  // Whether no frame comes for ten frame intervals.
  bool is_silent() const {
    const auto before = size();
    return !eventually(milliseconds(400), [&] { return size() > before; });
  }

  TempDir dir_;
  CameraSim camera_{{.media = {footage(Footage::h264_aac_1080p25)}}};
  std::unique_ptr<Process> client_;
};

TEST_F(CameraClientTest, SeesNoFramesOnAnOpenConnectionWhileFrozen) {
  open();
  camera_.freeze();
  EXPECT_TRUE(eventually(kLimit, [this] { return is_silent(); }));
  EXPECT_TRUE(client_->running());
  camera_.thaw();
  EXPECT_TRUE(eventually(kLimit, [this] { return !is_silent(); }));
}

TEST_F(CameraClientTest, LosesItsConnectionByAKick) {
  open();
  camera_.kick();
  EXPECT_TRUE(client_->wait(kLimit));
}

TEST(CameraSimTest, ComesBackOnTheSamePort) {
  CameraSim camera({.media = {footage(Footage::h264_no_audio)}});
  camera.kill();
  EXPECT_FALSE(accepts_connections(camera.port()));
  camera.start({.media = {footage(Footage::mjpeg)}});
  EXPECT_EQ(probed(camera.url()), "mjpeg\n");
}

TEST(S3ServerTest, KeepsObjectsOverAnOutageAndHangsWhenPaused) {
  const S3Server server;
  server.create_bucket("clips");
  EXPECT_EQ(server.request("PUT", "/clips/a/b.txt", {"--data-binary", "hello"}).status, 200);
  server.stop();
  EXPECT_THROW(server.request("GET", "/clips/a/b.txt"), std::runtime_error);
  server.start();
  EXPECT_EQ(server.request("GET", "/clips/a/b.txt").body, "hello");
  server.pause();
  EXPECT_THROW(server.request("PUT", "/clips/c", {"--data-binary", "x", "--max-time", "2"}), std::runtime_error);
  server.resume();
  EXPECT_EQ(server.request("PUT", "/clips/c", {"--data-binary", "x"}).status, 200);
}

TEST(S3ServerTest, CanBeSwift) {
  const S3Server server({.swift = true});
  server.create_bucket("clips");
  EXPECT_EQ(server.request("PUT", "/clips/a", {"--data-binary", "hello"}).status, 200);
  EXPECT_EQ(server.request("GET", "/clips/a").body, "hello");
}

TEST(S3ServerTest, ServesTls) {
  const S3Server server({.tls = true});
  server.create_bucket("clips");
  EXPECT_EQ(server.endpoint().substr(0, 8), "https://");
  EXPECT_EQ(server.request("GET", "/clips").status, 200);
}

}  // namespace
}  // namespace vedette::test
