#include "agent/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/from_config.h"
#include "core/redact.h"
#include "tests/agent/config_fixture.h"

namespace vedette {
namespace {

using test::ConfigTest;
using test::errors_of;
using test::kSigningKey;
using test::load;
using test::paths_of;
using test::with;
using test::with_camera;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr const char* kCamera = R"({"url": "test://pattern"})";

TEST_F(ConfigTest, SmallestFileWorks) {
  const auto [config, warnings] = load(R"({"device_id": "edge-01"})");
  EXPECT_THAT(warnings, IsEmpty());
  EXPECT_EQ(config.device_id, "edge-01");
  EXPECT_THAT(config.mqtt.urls, ElementsAre("mqtt://127.0.0.1:1883"));
  EXPECT_EQ(config.mqtt.topic_root, "vedette");
  EXPECT_THAT(config.mqtt.groups, IsEmpty());
  EXPECT_EQ(config.mqtt.version, 5);
  EXPECT_EQ(config.mqtt.keepalive, 30s);
  EXPECT_EQ(config.storage.path, "/var/lib/vedette");
  EXPECT_EQ(config.storage.sync_interval, 2s);
  EXPECT_EQ(config.storage.min_free_bytes, 1'073'741'824);
  EXPECT_EQ(config.upload.target, Config::UploadTarget::directory);
  EXPECT_EQ(config.upload.directory, "/var/lib/vedette/objects");
  EXPECT_EQ(config.upload.region, "us-east-1");
  EXPECT_TRUE(config.upload.path_style);
  EXPECT_EQ(config.recording.pre_roll, 0ms);
  EXPECT_EQ(config.recording.segment, 300s);
  EXPECT_EQ(config.recording.longest, 3600s);
  EXPECT_EQ(config.recording.audio, AudioPolicy::copy);
  EXPECT_EQ(config.telemetry_interval, 30s);
  EXPECT_EQ(config.log_level, log::Level::info);
  EXPECT_EQ(config.log_format, log::Format::text);
  EXPECT_THAT(config.cameras, IsEmpty());
}

TEST_F(ConfigTest, HostNameServesAsDeviceId) {
  const auto loaded = read_config("{}");
  if (loaded) {
    EXPECT_FALSE(loaded->config.device_id.empty());
  } else {
    EXPECT_THAT(errors_of("{}"), ElementsAre(StartsWith("/device_id: is required")));
  }
}

TEST_F(ConfigTest, MqttSectionIsRead) {
  const auto mqtt = load(with("mqtt", R"("url": "mqtts://a:8883", "urls": ["mqtt://b", "mqtts://[::1]:1"],
      "topic_root": "acme/vedette", "groups": ["north", "all"], "version": 4, "keepalive_s": 60, "username": "u",
      "ca_file": "/ca", "cert_file": "/cert", "key_file": "/key", "alpn": "x-amzn-mqtt-ca", "return_after_s": 60)"))
                        .config.mqtt;
  EXPECT_THAT(mqtt.urls, ElementsAre("mqtts://a:8883", "mqtt://b", "mqtts://[::1]:1"));
  EXPECT_EQ(mqtt.topic_root, "acme/vedette");
  EXPECT_THAT(mqtt.groups, ElementsAre("north", "all"));
  EXPECT_EQ(mqtt.version, 4);
  EXPECT_EQ(mqtt.keepalive, 60s);
  EXPECT_EQ(mqtt.username, "u");
  EXPECT_EQ(mqtt.ca_file, "/ca");
  EXPECT_EQ(mqtt.cert_file, "/cert");
  EXPECT_EQ(mqtt.key_file, "/key");
  EXPECT_EQ(mqtt.alpn, "x-amzn-mqtt-ca");
  EXPECT_EQ(mqtt.return_after, 60s);
}

// Silently, one of them would be refused by its broker for ever, and the password of the other be sent to it.
TEST_F(ConfigTest, BrokersHaveTheSameCredentials) {
  EXPECT_THAT(errors_of(with("mqtt", R"("url": "mqtt://u:one@a", "urls": ["mqtt://v:two@b", "mqtt://u:other@c"])")),
              ElementsAre(StartsWith("/mqtt/urls/0: has other credentials"),
                          StartsWith("/mqtt/urls/1: has other credentials")));
  const auto mqtt =
      load(with("mqtt", R"("url": "mqtt://a", "urls": ["mqtt://u:one@b", "mqtt://u:one@c"])")).config.mqtt;
  EXPECT_EQ(mqtt.username, "u");
  EXPECT_EQ(mqtt.password, "one");
}

TEST_F(ConfigTest, WhatTheSessionIsAskedForGoesToIt) {
  const auto session = [](const std::string& members) {
    return session_config(load(with("mqtt", members)).config, {});
  };
  EXPECT_EQ(session(R"("url": "mqtts://a:443", "alpn": "mqtt", "return_after_s": 0)").alpn, "mqtt");
  EXPECT_EQ(session(R"("return_after_s": 0)").return_after, 0s);
  EXPECT_EQ(session("").alpn, "");
  EXPECT_EQ(session("").return_after, mqtt::SessionConfig().return_after);
}

TEST_F(ConfigTest, AlpnWithoutTlsIsWarnedAbout) {
  EXPECT_THAT(load(with("mqtt", R"("url": "mqtt://a", "alpn": "mqtt")")).warnings,
              ElementsAre(StartsWith("/mqtt/alpn: has no effect")));
  EXPECT_THAT(load(with("mqtt", R"("url": "mqtt://a", "urls": ["mqtts://b"], "alpn": "mqtt")")).warnings, IsEmpty());
}

TEST_F(ConfigTest, AlpnAndReturnHaveLimits) {
  EXPECT_THAT(errors_of(with("mqtt", R"("alpn": "", "return_after_s": -1)")),
              ElementsAre(StartsWith("/mqtt/alpn: "), StartsWith("/mqtt/return_after_s: ")));
  EXPECT_THAT(errors_of(with("mqtt", "\"alpn\": \"" + std::string(255, 'a') + R"(", "return_after_s": 86401)")),
              ElementsAre(StartsWith("/mqtt/alpn: "), StartsWith("/mqtt/return_after_s: ")));
}

TEST_F(ConfigTest, BoundsOfTheOutboxAreRead) {
  const auto outbox = load(with("mqtt", R"("outbox": {"records": {"max_rows": 500, "max_age_s": 60},
      "notices": {"max_bytes": 65536}, "drain_per_s": 20})"))
                          .config.mqtt.outbox;
  EXPECT_EQ(outbox.limits.records, (OutboxBounds{500, 128 << 20, 60s}));
  EXPECT_EQ(outbox.limits.notices, (OutboxBounds{20'000, 65'536, 604'800s}));
  EXPECT_EQ(outbox.drain_per_s, 20);
  EXPECT_THAT(paths_of(with("mqtt", R"("outbox": {"records": {"rows": 1}, "notices": 5, "drain_per_s": 0, "x": 1})")),
              UnorderedElementsAre("/mqtt/outbox/records/rows", "/mqtt/outbox/notices", "/mqtt/outbox/drain_per_s",
                                   "/mqtt/outbox/x"));
}

TEST_F(ConfigTest, TheSigningKeyIsASecretThatMustBeAKey) {
  const auto text = [](const std::string& reference) {
    return with("storage", "\"signing_key_file\": \"" + reference + "\"");
  };
  EXPECT_FALSE(load(text(file("key.pem", kSigningKey))).config.storage.signing_key->verifying_key().id().empty());
  EXPECT_EQ(redact("the line MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7 of it"),
            "the line *** of it");
  setenv("VEDETTE_TEST_KEY", kSigningKey, 1);
  EXPECT_TRUE(load(text("env:VEDETTE_TEST_KEY")).config.storage.signing_key);
  EXPECT_FALSE(load(with("storage", "")).config.storage.signing_key);

  EXPECT_THAT(errors_of(text(file("bad.pem", "hello"))), ElementsAre(StartsWith("/storage/signing_key_file: is no")));
  EXPECT_THAT(errors_of(text(file("empty.pem", ""))), ElementsAre(StartsWith("/storage/signing_key_file: ")));
  EXPECT_THAT(errors_of(text("/nowhere")), ElementsAre(StartsWith("/storage/signing_key_file: cannot be read")));
  EXPECT_THAT(errors_of(with("storage", R"("signing_key": "hello")")),
              ElementsAre(StartsWith("/storage/signing_key: is no")));
}

TEST_F(ConfigTest, StorageSectionIsRead) {
  const auto storage =
      load(with("storage", R"("path": "/data", "sync_interval_ms": 500, "min_free_bytes": 0)")).config.storage;
  EXPECT_EQ(storage.path, "/data");
  EXPECT_EQ(storage.sync_interval, 500ms);
  EXPECT_EQ(storage.min_free_bytes, 0);
}

TEST_F(ConfigTest, RemainingSectionsAreRead) {
  const auto config = load(R"({"device_id": "edge-01",
      "recording": {"pre_roll_ms": 5000, "segment_s": 60, "max_duration_s": 7200, "audio": "drop"},
      "telemetry": {"interval_s": 5}, "log": {"level": "debug", "format": "json"},
      "cameras": {"front": {"url": "rtsp://c", "transport": "udp", "ca_file": "/ca.pem", "ring_s": 10, "ring_max_bytes": 65536,
                            "record": "command", "enabled": false}}})")
                          .config;
  EXPECT_EQ(config.recording.pre_roll, 5s);
  EXPECT_EQ(config.recording.segment, 60s);
  EXPECT_EQ(config.recording.longest, 7200s);
  EXPECT_EQ(config.recording.audio, AudioPolicy::drop);
  EXPECT_EQ(load(with("recording", R"("audio": "aac")")).config.recording.audio, AudioPolicy::aac);
  EXPECT_EQ(config.telemetry_interval, 5s);
  EXPECT_EQ(config.log_level, log::Level::debug);
  EXPECT_EQ(config.log_format, log::Format::json);
  const auto& camera = config.cameras.at("front");
  EXPECT_EQ(camera.transport, "udp");
  EXPECT_EQ(camera.ca_file, "/ca.pem");
  EXPECT_EQ(camera.ring, 10s);
  EXPECT_EQ(camera.ring_most_bytes, 65'536u);
  EXPECT_FALSE(camera.enabled);
}

TEST_F(ConfigTest, AllErrorsComeAtOnceEachWithItsPlace) {
  EXPECT_THAT(paths_of(R"({"device_id": "Edge 01", "mqtt": {"url": "tcp://x", "urls": ["mqtt://ok", "mqtt://"],
      "version": 3, "groups": ["a", "B"], "cert_file": "/c"}, "storage": {"path": "relative", "sync_interval_ms": 0},
      "upload": {"target": "s3", "endpoint": "ftp://x"}, "recording": {"segment_s": "60"}, "telemetry": {"interval": 5},
      "log": {"level": "loud"}, "cameras": {"Front": {"url": "rtsp://x"}, "back": {}, "side": {"url": "gopher://x"}},
      "extra/key": 1})"),
              UnorderedElementsAre("/device_id", "/mqtt/url", "/mqtt/urls/1", "/mqtt/version", "/mqtt/groups/1",
                                   "/mqtt/key_file", "/storage/path", "/storage/sync_interval_ms", "/upload/endpoint",
                                   "/upload/bucket", "/upload/access_key_id_file", "/upload/secret_access_key_file",
                                   "/recording/segment_s", "/telemetry/interval", "/log/level", "/cameras/Front",
                                   "/cameras/back/url", "/cameras/side/url", "/extra~1key"));
}

TEST_F(ConfigTest, FileThatIsNoObjectOrNoJsonIsRefusedAsAWhole) {
  for (const char* text : {"", "[]", "null", "{", "{\"device_id\": \"a\",}", "\xff"})
    EXPECT_THAT(errors_of(text), Not(IsEmpty())) << text;
  EXPECT_THAT(errors_of("{"), ElementsAre(StartsWith("/: syntax error")));
}

TEST_F(ConfigTest, CommentsAreAllowed) {
  const auto config = load("// the gate\n{ /* an id */ \"device_id\": \"edge-01\" // \"not\": this\n}").config;
  EXPECT_EQ(config.device_id, "edge-01");
}

TEST_F(ConfigTest, DuplicateKeysAreRefused) {
  EXPECT_THAT(errors_of(R"({"device_id": "a", "device_id": "b"})"), ElementsAre(HasSubstr("duplicate")));
  EXPECT_THAT(errors_of(R"({"cameras": {"front": {"url": "test://pattern"}, "front": {"url": "test://pattern"}}})"),
              ElementsAre(HasSubstr("duplicate")));
}

TEST_F(ConfigTest, WrongTypesAreErrorsAndNotDefaults) {
  EXPECT_THAT(paths_of(R"({"device_id": 5, "mqtt": [], "storage": null, "cameras": "front"})"),
              UnorderedElementsAre("/device_id", "/mqtt", "/storage", "/cameras"));
}

TEST_F(ConfigTest, FileThatCannotBeReadIsAnError) {
  const auto loaded = load_config(dir_.path() / "none.json");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().errors.front().path, "/");
  EXPECT_THAT(loaded.error().errors.front().message, HasSubstr("none.json"));
}

TEST_F(ConfigTest, FileIsLoaded) {
  const auto loaded = load_config(file("vedette.json", R"({"device_id": "from-file"})"));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.device_id, "from-file");
}

// ---- secrets

TEST_F(ConfigTest, SecretsComeFromFileEnvironmentAndCredential) {
  const auto path = file("password", "from-a-file\n");
  EXPECT_EQ(load(with("mqtt", R"("password_file": ")" + path + "\"")).config.mqtt.password, "from-a-file");
  setenv("VEDETTE_TEST_PASSWORD", "from-the-environment", 1);
  EXPECT_EQ(load(with("mqtt", R"("password_file": "env:VEDETTE_TEST_PASSWORD")")).config.mqtt.password,
            "from-the-environment");
  setenv("CREDENTIALS_DIRECTORY", dir_.path().c_str(), 1);
  const auto camera = load(with_camera(R"("url": "rtsp://c", "password_file": "cred:password")"));
  EXPECT_EQ(camera.config.cameras.at("front").password, "from-a-file");
  EXPECT_THAT(camera.warnings, IsEmpty());
  for (const char* secret : {"from-a-file", "from-the-environment"})
    EXPECT_EQ(redact(std::string("it is ") + secret), "it is ***");
}

TEST_F(ConfigTest, MissingSecretsAreErrorsAtTheirPlaces) {
  EXPECT_THAT(paths_of(R"({"device_id": "a", "mqtt": {"password_file": "/no/such/file"},
      "cameras": {"front": {"url": "rtsp://c", "password_file": "env:VEDETTE_NOT_SET"}}})"),
              ElementsAre("/mqtt/password_file", "/cameras/front/password_file"));
}

TEST_F(ConfigTest, LiteralSecretIsTakenWithAWarningThatDoesNotShowIt) {
  const auto [config, warnings] = load(with("mqtt", R"("password": "literal-secret-1")"));
  EXPECT_EQ(config.mqtt.password, "literal-secret-1");
  EXPECT_THAT(warnings, ElementsAre(StartsWith("/mqtt/password: ")));
  EXPECT_THAT(warnings.front(), Not(HasSubstr("literal-secret-1")));
  EXPECT_EQ(redact("x literal-secret-1 y"), "x *** y");
}

TEST_F(ConfigTest, CredentialsAreTakenOutOfUrlsWithAWarning) {
  const auto [config, warnings] = load(R"({"device_id": "a", "mqtt": {"url": "mqtt://edge:br%40ker-secret@broker"},
      "cameras": {"front": {"url": "rtsp://viewer:c%2Fmera-secret@10.0.0.5:554/1?a=b@c"}}})");
  EXPECT_THAT(config.mqtt.urls, ElementsAre("mqtt://broker"));
  EXPECT_EQ(config.mqtt.username, "edge");
  EXPECT_EQ(config.mqtt.password, "br@ker-secret");
  const auto& camera = config.cameras.at("front");
  EXPECT_EQ(camera.url, "rtsp://10.0.0.5:554/1?a=b@c");
  EXPECT_EQ(camera.username, "viewer");
  EXPECT_EQ(camera.password, "c/mera-secret");
  EXPECT_THAT(warnings, ElementsAre(StartsWith("/mqtt/url: "), StartsWith("/cameras/front/url: ")));
  for (const char* text : {"br@ker-secret", "br%40ker-secret", "c/mera-secret", "c%2Fmera-secret"})
    EXPECT_EQ(redact(text), "***");
}

TEST_F(ConfigTest, BadlyEncodedCredentialsAreTakenOutToo) {
  for (const auto& [url, password, rest] : {std::tuple{"rtsp://u:pa/ss-1@host/1", "pa/ss-1", "rtsp://host/1"},
                                            std::tuple{"rtsp://u:p@ss-2@host:554/1", "p@ss-2", "rtsp://host:554/1"},
                                            std::tuple{"rtsp://u:pa?s#s-3@host", "pa?s#s-3", "rtsp://host"},
                                            std::tuple{"rtsp://u:100%-4@host", "100%-4", "rtsp://host"}}) {
    const auto camera = load(with_camera(R"("url": ")" + std::string(url) + "\"")).config.cameras.at("front");
    EXPECT_EQ(camera.url, rest);
    EXPECT_EQ(camera.username, "u");
    EXPECT_EQ(camera.password, password);
  }
}

TEST_F(ConfigTest, AtSignsBehindTheHostAreNoCredentials) {
  for (const char* url : {"rtsp://host/a@b", "rtsp://host:554/a@b", "rtsp://[fe80::1]/a@b", "file:///media/a@b.mp4"}) {
    const auto [config, warnings] = load(with_camera(R"("url": ")" + std::string(url) + "\""));
    EXPECT_EQ(config.cameras.at("front").url, url);
    EXPECT_THAT(warnings, IsEmpty());
  }
}

TEST_F(ConfigTest, CredentialsOfVendorUrlsAreTakenOutInEitherForm) {
  for (const char* url :
       {"hik://viewer:hik%40sec%2Fret@10.0.0.5/1/main,sub", "hik://10.0.0.5/viewer:hik@sec/ret@main,sub",
        "hik://10.0.0.5/viewer:hik%40sec%2Fret@main,sub"}) {
    SCOPED_TRACE(url);
    const auto [config, warnings] = load(with_camera(R"("url": ")" + std::string(url) + "\""));
    const auto& camera = config.cameras.at("front");
    EXPECT_EQ(camera.url, "hik://10.0.0.5/1/main,sub");
    EXPECT_EQ(camera.username, "viewer");
    EXPECT_EQ(camera.password, "hik@sec/ret");
    EXPECT_EQ(warnings.size(), 1u);
    EXPECT_EQ(redact("x hik@sec/ret y"), "x *** y");
  }
}

TEST_F(ConfigTest, NamedUserComesBeforeThatOfTheUrl) {
  const auto camera = load(with_camera(R"("url": "rtsp://a:from-the-url@host", "username": "b",
      "password": "named-secret")"))
                          .config.cameras.at("front");
  EXPECT_EQ(camera.username, "b");
  EXPECT_EQ(camera.password, "named-secret");
}

TEST_F(ConfigTest, ErrorsDoNotShowCredentialsOnceRedacted) {
  for (const std::string& error : errors_of(with_camera(R"("url": "gopher://user:error-secret@host/1")")))
    EXPECT_THAT(redact(error), Not(HasSubstr("error-secret")));
  for (const std::string& error : errors_of(with("mqtt", R"("url": "tcp://user:error-secret@host")")))
    EXPECT_THAT(redact(error), Not(HasSubstr("error-secret")));
}

TEST_F(ConfigTest, LimitsOfTheStorageAreRead) {
  const auto [config, warnings] = load(R"({"device_id": "a",
      "storage": {"max_bytes": 5, "max_age_s": 9007199254740991, "min_free_bytes": 6},
      "upload": {"delete_after_upload": true}, "cameras": {"front": {"url": "test://pattern", "max_bytes": 7}}})");
  EXPECT_THAT(warnings, IsEmpty());
  EXPECT_EQ(config.storage.max_bytes, 5);
  EXPECT_EQ(config.storage.min_free_bytes, 6);
  EXPECT_GT(config.storage.max_age, 50 * 365 * 24h) << "and what lies so far back can still be computed";
  EXPECT_LT(config.storage.max_age, 200 * 365 * 24h);
  EXPECT_TRUE(config.upload.delete_after_upload);
  EXPECT_EQ(config.cameras.at("front").max_bytes, 7);
  const auto bare = load(with_camera(R"("url": "test://pattern")")).config;
  EXPECT_EQ(bare.storage.max_bytes, 0);
  EXPECT_EQ(bare.storage.max_age, 0s);
  EXPECT_FALSE(bare.upload.delete_after_upload);
  EXPECT_EQ(bare.cameras.at("front").max_bytes, 0);
}

// ---- what this version does not do

TEST_F(ConfigTest, WhatIsNotSupportedIsRefusedInClearWords) {
  EXPECT_THAT(errors_of(with_camera(R"("url": "gopher://10.0.0.5/1")")),
              ElementsAre(StartsWith("/cameras/front/url: the scheme gopher is not supported")));
}

TEST_F(ConfigTest, WhatHasNoEffectIsCheckedAndWarnedAbout) {
  const auto loaded = load(R"({"device_id": "a",
      "upload": {"manifest": false, "windows": []}, "http": {"listen": "127.0.0.1:9180"},
      "cameras": {"front": {"url": "test://pattern", "schedule": [{"from": "08:00", "to": "09:00"}]}}})");
  EXPECT_THAT(loaded.warnings, ElementsAre(StartsWith("/cameras/front/schedule: ")));
  EXPECT_THAT(paths_of(R"({"device_id": "a", "storage": {"max_bytes": -1}, "upload": {"manifest": 1, "windows": [5]},
      "http": {"token_file": "/nowhere"}, "cameras": {"front": {"url": "test://pattern", "schedule": "always"}}})"),
              UnorderedElementsAre("/storage/max_bytes", "/upload/manifest", "/upload/windows/0", "/http/listen",
                                   "/http/token_file", "/cameras/front/schedule"));
}

TEST_F(ConfigTest, FramesAreServedWhereTheConfigurationSaysAndOnThisMachineOnly) {
  EXPECT_FALSE(load(R"({"device_id": "a", "live": {}})").config.live_frames.on());
  const auto frames =
      load(with("live", R"("frames": {"unix": "/run/v/f.sock", "listen": "127.0.0.1:38080", "max_clients": 3})"))
          .config.live_frames;
  EXPECT_TRUE(frames.on());
  EXPECT_EQ(frames.unix_path, "/run/v/f.sock");
  EXPECT_EQ(frames.listen, "127.0.0.1:38080");
  EXPECT_EQ(frames.max_clients, 3u);
  EXPECT_EQ(frames.max_frame_bytes, 10u * 1024 * 1024);
  EXPECT_EQ(frames.peer_timeout, 10s);
  EXPECT_THAT(paths_of(with("live", R"("frames": {})")), ElementsAre("/live/frames/unix"));
  EXPECT_THAT(paths_of(with("live", R"("frames": {"unix": "f.sock", "listen": "0.0.0.0:38080", "port": 1})")),
              UnorderedElementsAre("/live/frames/unix", "/live/frames/listen", "/live/frames/port"));
}

}  // namespace
}  // namespace vedette
