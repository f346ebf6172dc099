// No secret leaves the agent, whatever goes wrong around it.
#include <gtest/gtest.h>

#include "core/text.h"
#include "tests/support/certificates.h"
#include "tests/support/media.h"
#include "tests/support/otlp_collector.h"
#include "tests/support/paths.h"
#include "tests/support/ports.h"
#include "tests/support/pusher.h"
#include "tests/support/raw_client.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

// With characters that are written otherwise in URLs and headers.
const std::string kCameraFile = "CanaryCam#1/ß";
const std::string kCameraUrl = "CanaryUrl@2:%";
const std::string kMqtt = "CanaryMqtt+3 &";
const std::string kWrongMqtt = "CanaryWrongMqtt=4";
const std::string kS3KeyId = "CanaryKeyId5";
const std::string kS3 = "CanarySecret/5+x=";
const std::string kS3Token = "CanaryToken/6=";
const std::string kHttp = "CanaryHttp-0123456789";
const std::string kRtmp = "CanaryRtmpKey8";
const std::string kSrt = "CanarySrtPassphrase9";
const std::string kEndpointKeyId = "CanaryEndpointId10";
const std::string kEndpointSecret = "CanaryEndpoint/11+x=";
const std::string kOtlpToken = "CanaryOtlp+13/x=";
const std::string kOtlpKey = "CanaryOtlpKey 14";
const std::string kEndpointToken = "CanaryEndpointToken/12=";

class SecretsTest : public testing::Test {
 protected:
  // "user:secret@" parts, base64 of HTTP Basic, and what is percent-encoded.
  void expect_nowhere(const std::string& text, const std::string& where) {
    for (const std::string& secret : {kCameraFile, kCameraUrl, kMqtt, kWrongMqtt, kS3KeyId, kS3, kS3Token, kHttp, kRtmp,
                                      kSrt, kOtlpToken, kOtlpKey, kEndpointKeyId, kEndpointSecret, kEndpointToken})
      for (const std::string& form : {secret, percent_encode(secret), percent_encode(secret, "/"), to_base64(secret),
                                      to_base64("viewer:" + secret), Json(secret).dump()})
        EXPECT_EQ(text.find(form), std::string::npos) << form << " in " << where;
    // Nor any part of one: all begin with the same word.
    const size_t at = text.find("Canary");
    EXPECT_EQ(at, std::string::npos) << where << ": " << text.substr(at == std::string::npos ? 0 : at, 100);
    for (const std::string& secret : made_)
      EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << where;
  }
  void expect_nothing_said(const Rig& rig) {
    expect_nowhere(rig.vedette->log(), "the log");
    for (const ProbeMessage& m : rig.probe.messages()) {
      if (m.topic.find("/command/") != std::string::npos) continue;
      if (m.json().value("verb", "") == "stream.open") continue;  // which gives a token to who asked
      expect_nowhere(m.topic + m.payload, m.topic);
      for (const auto& [name, value] : m.user_properties) expect_nowhere(value, m.topic);
    }
  }
  // What the headers are for, and no more.
  void expect_nothing_told(const OtlpCollector& collector) {
    ASSERT_GT(collector.spans().size(), 5u);
    ASSERT_GT(collector.points("vedette_camera_state").size(), 10u);
    for (const Json& request : collector.requests()) {
      expect_nowhere(to_text(request.at("body")), request.at("path"));
      EXPECT_EQ(request.at("headers").at("authorization"), "Bearer " + kOtlpToken);
      EXPECT_EQ(request.at("headers").at("x-api-key"), kOtlpKey);
    }
  }
  // Every page of the listener, and the bundle as it is unpacked.
  void expect_nothing_shown(Rig& rig, uint16_t port) {
    const std::vector<std::string> paths = {"/metrics", "/readyz", "/healthz", "/nothing", "/" + percent_encode(kHttp)};
    for (const std::string& path : paths) {
      const std::string page = RawClient(port)
                                   .send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                                         "Authorization: Bearer " + kHttp + "\r\n\r\n")
                                   .read_to_the_end();
      EXPECT_GT(page.size(), 100u) << path;
      expect_nowhere(page, path);
    }
    const Json made = rig.result("agent.diagnostics", {{"upload", "never"}});
    const auto folder = rig.scratch() / "bundle";
    std::filesystem::create_directory(folder);
    run_or_throw({"tar", "--extract", "--gzip", "--file", (rig.storage() / made.value("path", "none")).string(),
                  "--directory", folder.string()});
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) {
        ++files;
        expect_nowhere(read_text(entry.path()), entry.path().filename());
      }
    EXPECT_GE(files, 12u);
    EXPECT_GT(read_text(folder / "vedette-diagnostics/log.txt").size(), 1000u);
    const Json config = Json::parse(read_text(folder / "vedette-diagnostics/config.json"));
    for (const char* pointer :
         {"/mqtt/password", "/http/tokens/0/token", "/otlp/headers", "/upload/secret_access_key",
          "/upload/session_token", "/upload/access_key_id", "/storage/signing_key", "/cameras/file/password",
          "/cameras/url/password", "/cameras/drone/password", "/cameras/van/password"})
      EXPECT_EQ(config.value(Json::json_pointer(pointer), ""), "***") << pointer;
  }
  static CameraSim camera(const std::string& password, const std::string& auth) {
    CameraSimOptions options;
    options.media = {footage(Footage::h264_no_audio)};
    options.user = "viewer";
    options.password = password;
    options.auth = auth;
    return CameraSim(options);
  }
  // A key to sign manifests with; what of it must not be seen is kept.
  std::string signing_key(const Rig& rig) {
    const std::string path = rig.scratch() / "signing-key.pem";
    run_or_throw({"openssl", "genpkey", "-algorithm", "ed25519", "-out", path});
    const std::string pem = read_text(path);
    const size_t begin = pem.find('\n') + 1;
    made_.push_back(pem.substr(begin, pem.find('\n', begin) - begin));
    EXPECT_GE(made_.back().size(), 44u) << pem;
    return path;
  }
  static std::string with_credentials(std::string url, const std::string& password) {
    return url.insert(url.find("://") + 3, "viewer:" + percent_encode(password) + "@");
  }

  std::vector<std::string> made_;  // secrets that nobody chose
};

TEST_F(SecretsTest, AppearInNoLogAndNoMessage) {
  const CameraSim by_file = camera(kCameraFile, "digest");
  const CameraSim by_url = camera(kCameraUrl, "basic");
  RigOptions options;
  options.broker.users = {{"probe", options.password}, {"edge-01", kMqtt}};
  options.s3 = true;
  Rig rig(options);
  rig.config()["log"]["level"] = "trace";
  rig.config()["mqtt"]["username"] = "edge-01";
  rig.config()["mqtt"]["password_file"] = rig.secret_file("mqtt", kWrongMqtt);
  rig.config()["upload"]["access_key_id_file"] = rig.secret_file("s3-id", kS3KeyId);
  rig.config()["upload"]["secret_access_key_file"] = rig.secret_file("s3", kS3);
  rig.config()["storage"]["signing_key_file"] = signing_key(rig);
  rig.config()["live"]["frames"] = {{"unix", (rig.scratch() / "frames.sock").string()}};
  rig.config()["upload"]["session_token_file"] = rig.secret_file("token", kS3Token);
  rig.config()["upload"]["poster"] = rig.config()["upload"]["manifest"] = false;  // they would fail first
  const uint16_t port = free_port();
  rig.config()["http"] = {{"listen", "127.0.0.1:" + std::to_string(port)}, {"token_file", rig.secret_file("h", kHttp)}};
  OtlpCollector collector;
  rig.config()["otlp"] = {{"endpoint", collector.endpoint()},
                          {"headers_file", rig.secret_file("otlp", "Authorization: Bearer " + kOtlpToken +
                                                                       "\nX-Api-Key: " + kOtlpKey + "\n")},
                          {"interval_s", 1}};
  collector.answer({{"status", 401}, {"body", to_text({{"message", "not with " + kOtlpToken + " and " + kOtlpKey}})}});
  rig.add_camera("file", by_file.url(), {{"username", "viewer"}, {"password_file", rig.secret_file("c", kCameraFile)}});
  rig.add_camera("url", with_credentials(by_url.url(), kCameraUrl));
  rig.add_camera("locked", with_credentials(by_file.url(), kCameraUrl));
  rig.add_camera("gone", "rtsp://viewer:" + percent_encode(kCameraUrl) + "@127.0.0.1:1/x?password=none");
  rig.add_camera("raw", "rtsp://viewer:Canary/7@127.0.0.1:1/x");  // not encoded as it ought to be

  const std::string rtmp = "127.0.0.1:" + std::to_string(free_port()), srt = "127.0.0.1:" + std::to_string(free_port());
  rig.add_camera("drone", "rtmp-listen://" + rtmp + "/live", {{"password_file", rig.secret_file("rtmp", kRtmp)}});
  rig.add_camera("van", "srt-listen://" + srt, {{"password_file", rig.secret_file("srt", kSrt)}});
  const auto media = footage(Footage::h264_no_audio);
  const Process drone = pusher(media, "flv", "rtmp://" + rtmp + "/live/" + kRtmp);
  const Process stranger = pusher(media, "flv", "rtmp://" + rtmp + "/live/" + kRtmp + "x");
  const Process van = pusher(media, "mpegts", "srt://" + srt + "?passphrase=" + kSrt);

  rig.launch();  // a wrong password of the broker, at first
  ASSERT_TRUE(rig.vedette->wait_for_log("ot authori", Rig::kLimit)) << rig.vedette->log();
  ASSERT_TRUE(rig.vedette->wait_for_log("the collector refuses", Rig::kLimit)) << rig.vedette->log();
  collector.answer(Json::object());
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  rig.config()["mqtt"]["password_file"] = rig.secret_file("mqtt", kMqtt);
  rig.start({"file", "url", "drone", "van"});
  made_.push_back(rig.result("stream.open", {{"camera_id", "file"}}).at("token"));
  for (const auto& [id, state] : {std::pair("locked", "auth_failed"), std::pair("gone", "unreachable")})
    EXPECT_TRUE(rig.probe.wait_for_state(std::string("/camera/") + id + "/state", state, Rig::kLimit)) << id;
  const Started started = rig.start_recording("file", {{"duration_ms", 1000}});
  const Json clip = rig.wait_clip_ready(started.recording_id);
  rig.event("clip.upload_failed", "clip_id", clip.at("clip_id"));  // the secret is wrong
  for (const char* verb : {"clip.get", "clip.url"}) rig.command(verb, {{"clip_id", clip.at("clip_id")}});
  rig.command("recording.start", {{"camera_id", "locked"}});
  rig.command("snapshot.take", {{"camera_id", "gone"}});
  expect_nothing_shown(rig, port);
  // The configuration as it is shown to whoever asks for it, and to whoever checks it by hand.
  const Json report = rig.result("config.report", Json::object());
  expect_nowhere(to_text(report), "config.report");
  for (const char* pointer : {"/config/mqtt/password_file", "/config/cameras/file/password_file"})
    EXPECT_NE(report.value(Json::json_pointer(pointer), ""), "") << pointer << " of " << report;
  const Finished checked =
      run({VedetteProcess::program().string(), "--config", rig.vedette->config_path().string(), "--check"});
  EXPECT_EQ(checked.status, 0) << checked.errors;
  EXPECT_NE(checked.errors.find("warning="), std::string::npos) << "of the passwords in URLs: " << checked.errors;
  expect_nowhere(checked.output + checked.errors, "--check");
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  ASSERT_GT(rig.vedette->log().size(), 1000u);
  expect_nothing_said(rig);
  expect_nothing_told(collector);
  rig.expect_messages_follow_schemas();

  // Credentials in a bad file: its errors must not show them.
  VedetteProcess bad(
      R"({"mqtt":{"url":"mqtt://u:Canary8@"},"upload":{"endpoint":"http://u:Canary9@store","bucket":"b"},)"
      R"("cameras":{"front":{"url":"gopher://u:Canary10@camera"}}})");
  bad.start();
  EXPECT_EQ(bad.wait(Rig::kLimit), 2);
  expect_nowhere(bad.log(), "the errors of a bad file");
}

// Credentials that are asked for while the agent runs, with a store that refuses them.
TEST_F(SecretsTest, CredentialsOfAnEndpointAppearInNoLogAndNoMessage) {
  RigOptions options;
  options.s3 = true;
  Rig rig(options);
  const Certificates certificates(rig.scratch() / "certificates");
  const auto path = [&](const char* name) { return (rig.scratch() / name).string(); };
  write_text(path("script"),
             to_text({{"key_id", kEndpointKeyId}, {"secret", kEndpointSecret}, {"token", kEndpointToken}}));
  const std::string port = std::to_string(free_port());
  Process endpoint({"python3", VEDETTE_SOURCE_DIR "/tests/uploader/credentials_server.py", port,
                    certificates.server_cert, certificates.server_key, certificates.ca, path("script"), path("asked")});
  ASSERT_TRUE(endpoint.wait_for_output("ready", Rig::kLimit)) << endpoint.output();
  rig.config()["log"]["level"] = "trace";
  Json& upload = rig.config()["upload"];
  upload.erase("access_key_id_file");
  upload.erase("secret_access_key_file");
  upload["poster"] = upload["manifest"] = false;
  upload["credentials_endpoint"] = {{"url", "https://localhost:" + port + "/credentials"},
                                    {"ca_file", certificates.ca},
                                    {"cert_file", certificates.client_cert},
                                    {"key_file", certificates.client_key}};
  rig.add_camera("front", "test://pattern?size=160x90&fps=10&gop=10");
  rig.start();
  const Json clip = rig.wait_clip_ready(rig.start_recording("front", {{"duration_ms", 500}}).recording_id);
  rig.event("clip.upload_failed", "clip_id", clip.at("clip_id"));
  rig.command("clip.url", {{"clip_id", clip.at("clip_id")}});
  expect_nowhere(to_text(rig.result("config.report", Json::object())), "config.report");
  EXPECT_FALSE(read_text(path("asked")).empty());
  EXPECT_EQ(rig.vedette->sigterm(), 0);
  expect_nothing_said(rig);
}

// A crash of an agent that has its secrets in memory, where the system would write a core of any size. Not with
// AddressSanitizer, which forbids cores itself.
class CoreDumpSlowTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string pattern = read_text("/proc/sys/kernel/core_pattern");
    if (pattern.empty() || pattern.front() == '|' || pattern.front() == '/')
      GTEST_SKIP() << "cores of this machine go elsewhere: " << pattern;
    rig_.emplace();
    rig_->config()["mqtt"]["username"] = "edge-01";
    rig_->config()["mqtt"]["password_file"] = rig_->secret_file("mqtt", kMqtt);
    rig_->config()["upload"] = {{"target", "s3"},
                                {"endpoint", "http://127.0.0.1:1"},
                                {"bucket", "clips"},
                                {"access_key_id_file", rig_->secret_file("key", "edge-01")},
                                {"secret_access_key_file", rig_->secret_file("s3", kS3)}};
    rig_->add_camera("gone", "rtsp://127.0.0.1:1/x",
                     {{"username", "viewer"}, {"password_file", rig_->secret_file("camera", kCameraFile)}});
    write_text(rig_->scratch() / "vedette.json", rig_->config().dump());
  }

  // What the crash leaves in the folder where the agent runs, all files together.
  std::string left_by_a_crash(const std::string& more) {
    const auto folder = rig_->scratch() / "crash";
    std::filesystem::create_directory(folder);
    ProcessOptions options;
    options.working_directory = folder;
    options.output = rig_->scratch() / "log";
    const size_t from = rig_->probe.mark();
    Process agent({"sh", "-c",
                   "ulimit -c unlimited && exec " + VedetteProcess::program().string() + " --config " +
                       (rig_->scratch() / "vedette.json").string() + " " + more},
                  options);
    EXPECT_TRUE(rig_->probe.wait_for_state("/camera/gone/state", "unreachable", Rig::kLimit, from)) << agent.output();
    agent.kill(SIGABRT);
    EXPECT_EQ(agent.wait(Rig::kLimit), 128 + SIGABRT);
    std::string left;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) left += read_text(entry.path());
    std::filesystem::remove_all(folder);
    return left;
  }

  std::optional<Rig> rig_;
};

TEST_F(CoreDumpSlowTest, ACrashLeavesNoCoreUnlessOneIsWanted) {
  EXPECT_TRUE(left_by_a_crash("").empty());
  const std::string core = left_by_a_crash("--core-dumps");
  EXPECT_EQ(core.substr(0, 4),
            "\x7f"
            "ELF")
      << "it can be had";
  for (const std::string& secret : {kMqtt, kS3, kCameraFile})
    EXPECT_NE(core.find(secret), std::string::npos) << "and why it is not: " << secret;
}

}  // namespace
}  // namespace vedette::test
