#include "agent/remote_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/agent/config_fixture.h"

namespace vedette::test {
namespace {

using Names = std::vector<std::string>;

const char* const kLocal = R"({
  "mqtt": {"url": "mqtts://broker", "password_file": "cred:mqtt"},
  "upload": {"endpoint": "https://s3-a", "secret_access_key_file": "cred:s3"},
  "cameras": {"front": {"url": "rtsp://10.0.0.5/1", "username": "viewer", "password_file": "cred:front"}}})";

class RemoteConfigTest : public testing::Test {
 protected:
  Names refused(const std::string& desired) const {
    Names out;
    for (const FieldError& error : refused_remotely(Json::parse(desired), rules, Json::parse(kLocal)))
      out.push_back(error.path);
    return out;
  }

  RemoteConfig rules;
};

TEST_F(RemoteConfigTest, WhatIsHarmlessIsAllowedByDefault) {
  EXPECT_EQ(refused(R"({"recording": {"segment_s": 60}, "telemetry": {"interval_s": 5}, "log": {"level": "debug"},
    "storage": {"max_bytes": 1, "max_age_s": 2, "min_free_bytes": 3}, "upload": {"max_bandwidth_bps": 4},
    "cameras": {"a": {"url": "rtsp://10.0.0.9/1"}, "b": {"url": "test://pattern"}}})"),
            Names{});
}

TEST_F(RemoteConfigTest, WhatCutsOffOrLeaksIsNot) {
  EXPECT_EQ(refused(R"({"mqtt": {"url": "mqtt://evil"}})"), Names{"/mqtt/url"});
  EXPECT_EQ(refused(R"({"upload": {"endpoint": "https://evil", "max_bandwidth_bps": 1}})"), Names{"/upload/endpoint"});
  EXPECT_EQ(refused(R"({"storage": {"sync_interval_ms": 100}})"), Names{"/storage/sync_interval_ms"});
  rules.allow.insert(rules.allow.end(), {"mqtt", "upload", "storage"});
  EXPECT_EQ(refused(R"({"mqtt": {"url": "mqtts://other"}, "upload": {"endpoint": "https://mine"}})"), Names{});
}

TEST_F(RemoteConfigTest, WhatMustNeverComeFromAfarDoesNotWhateverIsAllowed) {
  rules.allow = {"cameras", "recording", "telemetry", "log", "storage", "upload", "mqtt", "encode"};
  rules.secrets = {"/"};
  EXPECT_EQ(refused(R"({"device_id": "x", "plugins": {"x": "/tmp/x.so"}, "http": {"listen": "0.0.0.0:1"},
    "live": {"frames": {"unix": "/x"}}, "remote_config": {"enabled": true}, "storage": {"path": "/etc"},
    "upload": {"directory": "/etc"}, "mqtt": {"topic_root": "y"}, "unheard_of": 1})"),
            (Names{"/device_id", "/plugins/x", "/http/listen", "/live/frames", "/remote_config/enabled",
                   "/storage/path", "/upload/directory", "/mqtt/topic_root", "/unheard_of"}));
}

TEST_F(RemoteConfigTest, SecretsComeByReferenceAndOnlyByThoseThatAreListed) {
  EXPECT_EQ(refused(R"({"cameras": {"a": {"url": "rtsp://u:p@10.0.0.9/1", "password": "x"}}})"),
            (Names{"/cameras/a/url", "/cameras/a/password"}));
  const char* const with_file = R"({"cameras": {"a": {"url": "rtsp://10.0.0.9/1", "password_file": "/secrets/a"}}})";
  const char* const climbing =
      R"({"cameras": {"a": {"url": "rtsp://10.0.0.9/1", "password_file": "/secrets/../etc/shadow"}}})";
  EXPECT_EQ(refused(with_file), Names{"/cameras/a/password_file"});
  rules.secrets = {"/secrets/", "cred:gate"};
  EXPECT_EQ(refused(with_file), Names{});
  EXPECT_EQ(refused(climbing), Names{"/cameras/a/password_file"});
  EXPECT_EQ(refused(R"({"cameras": {"a": {"url": "rtsp://10.0.0.9/1", "password_file": "cred:gate"},
                                    "b": {"url": "rtsp://10.0.0.9/1", "password_file": "cred:gate2"}}})"),
            Names{"/cameras/b/password_file"});
}

TEST_F(RemoteConfigTest, ASecretOfTheFileGoesWhereTheFileSendsItAndNowhereElse) {
  EXPECT_EQ(refused(R"({"cameras": {"front": {"url": "rtsp://10.0.0.5/1", "username": "viewer",
                                              "password_file": "cred:front", "record": "continuous"}}})"),
            Names{});
  for (const char* elsewhere :
       {R"({"cameras": {"front": {"url": "rtsp://evil/1", "password_file": "cred:front"}}})",
        R"({"cameras": {"other": {"url": "rtsp://10.0.0.5/1", "password_file": "cred:front"}}})",
        R"({"cameras": {"front": {"url": "rtsp://10.0.0.5/1", "password_file": "cred:mqtt"}}})",
        R"({"cameras": {"front": {"url": "rtsp://10.0.0.5/1", "password_file": "cred:front",
                                  "sub": {"url": "rtsp://evil/1"}}}})"})
    EXPECT_EQ(refused(elsewhere).size(), 1u) << elsewhere;
  rules.allow = {"mqtt"};
  EXPECT_EQ(refused(R"({"mqtt": {"return_after_s": 60, "password_file": "cred:mqtt"}})"), Names{});
  // Behind one port, ALPN says to whom.
  EXPECT_EQ(refused(R"({"mqtt": {"alpn": "evil", "password_file": "cred:mqtt"}})"), Names{"/mqtt/password_file"});
}

// Who is asked when the first endpoint is not there gets the same keys.
TEST_F(RemoteConfigTest, AFallbackEndpointIsAPlaceLikeTheFirst) {
  rules.allow = {"upload"};
  EXPECT_EQ(refused(R"({"upload": {"fallback_endpoints": ["https://u:p@s3-b"]}})"),
            Names{"/upload/fallback_endpoints/0"});
  EXPECT_EQ(refused(R"({"upload": {"secret_access_key_file": "cred:s3"}})"), Names{});
  EXPECT_EQ(refused(R"({"upload": {"secret_access_key_file": "cred:s3", "fallback_endpoints": ["https://evil"]}})"),
            Names{"/upload/secret_access_key_file"});
}

TEST_F(RemoteConfigTest, WhatObjectsAreStoredWithIsAllowedAsTheRestOfTheirSection) {
  const char* const options =
      R"({"upload": {"tags": {"a": "b"}, "storage_class": "COLD", "proxy": "http://10.0.0.1"}})";
  EXPECT_EQ(refused(options), (Names{"/upload/tags", "/upload/storage_class", "/upload/proxy"}));
  rules.allow = {"upload/tags", "upload/storage_class", "upload/proxy"};
  EXPECT_EQ(refused(options), Names{});
  rules.allow = {"upload"};
  EXPECT_EQ(refused(R"({"upload": {"proxy": "http://u:p@10.0.0.1", "proxy_password": "x"}})"),
            (Names{"/upload/proxy", "/upload/proxy_password"}));
  EXPECT_EQ(refused(R"({"upload": {"proxy": "http://evil", "proxy_password_file": "cred:mqtt"}})"),
            Names{"/upload/proxy_password_file"});
}

TEST_F(RemoteConfigTest, CamerasOnThisMachineAreForTheFile) {
  for (const char* url : {"file:///etc/passwd", "v4l2:///dev/video0", "rtmp-listen://0.0.0.0:1935/x", "mine://x", "x"})
    EXPECT_EQ(refused(R"({"cameras": {"a": {"url": ")" + std::string(url) + R"("}}})"), Names{"/cameras/a/url"}) << url;
}

TEST_F(RemoteConfigTest, AUrlWithAPasswordInItIsForTheFile) {
  EXPECT_EQ(refused(R"({"cameras": {"a": {"url": "rtsp://h/x?password=hunter2"}}})"), Names{"/cameras/a/url"});
  EXPECT_EQ(refused(R"({"cameras": {"a": {"url": "rtsp://h/user=admin&password=X&channel=1"}}})"),
            Names{"/cameras/a/url"});
  EXPECT_EQ(refused(R"({"cameras": {"a": {"url": "rtsp://h/x?channel=1"}}})"), Names{});
}

TEST_F(RemoteConfigTest, NothingIsTakenWhenItIsOff) {
  rules.enabled = false;
  EXPECT_EQ(refused("{}"), Names{""});
}

TEST_F(RemoteConfigTest, TheSectionIsReadStrictly) {
  EXPECT_EQ(paths_of(with("remote_config", R"("enabled": 1, "allow": ["cameras", "plugins", "storage/path", "a/b/c"],
    "trial_s": 4, "more": 1)")),
            (Names{"/remote_config/enabled", "/remote_config/allow/1", "/remote_config/allow/2",
                   "/remote_config/allow/3", "/remote_config/trial_s", "/remote_config/more"}));
  const RemoteConfig read =
      load(with("remote_config", R"("allow": ["mqtt"], "secrets": ["cred:"], "trial_s": 5)")).config.remote;
  EXPECT_EQ(read.allow, Names{"mqtt"});
  EXPECT_EQ(read.secrets, Names{"cred:"});
  EXPECT_EQ(read.trial, 5s);
  EXPECT_TRUE(load(R"({"device_id": "edge-01"})").config.remote.enabled);
}

}  // namespace
}  // namespace vedette::test
