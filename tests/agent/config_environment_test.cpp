#include "agent/config_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/config_dump.h"
#include "agent/config_start.h"
#include "tests/agent/config_fixture.h"

namespace vedette::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Variables = std::vector<std::string>;

constexpr const char* kFile = R"({"device_id": "edge-01", "mqtt": {"url": "mqtt://a", "password": "of-the-file"},
  "cameras": {"gate": {"url": "test://pattern", "ring_s": 20}, "Front-Door": {"url": "test://pattern"}}})";

// The document; null, with the errors, where the variables themselves are no good.
Json upon(const Variables& variables, const std::string& file = kFile, std::vector<FieldError>* errors = nullptr) {
  const auto overridden = ConfigEnvironment(variables).upon(Json::parse(file));
  if (!overridden && errors) *errors = overridden.error().errors;
  return overridden ? *overridden->document : Json();
}

// Of the variables, or of what they made of the file; "path: message" each.
std::vector<std::string> errors_with(const Variables& variables, const std::string& file = kFile) {
  auto overridden = ConfigEnvironment(variables).upon(Json::parse(file));
  std::vector<FieldError> errors;
  if (!overridden)
    errors = overridden.error().errors;
  else if (auto composed = compose(*overridden, std::nullopt, nullptr); !composed)
    errors = composed.error().errors;
  std::vector<std::string> out;
  for (const FieldError& error : errors) out.push_back(error.path + ": " + error.message);
  return out;
}

TEST(ConfigEnvironmentTest, AVariableComesBeforeTheFile) {
  const Json file = Json::parse(kFile);
  EXPECT_EQ(upon({"PATH=/bin", "VEDETTE_GOLDEN=renew", "vedette__LOG__LEVEL=debug"}), file) << "not of us";
  Json expected = file;
  expected["mqtt"]["url"] = "mqtts://b:8883";
  expected["log"]["level"] = "debug";
  expected["cameras"]["gate"]["ring_s"] = 60;
  expected["telemetry"]["interval_s"] = 5;
  EXPECT_EQ(upon({"VEDETTE__MQTT__URL=mqtts://b:8883", "VEDETTE__LOG__LEVEL=debug", "VEDETTE__CAMERAS__GATE__RING_S=60",
                  "VEDETTE__TELEMETRY__INTERVAL_S=5"}),
            expected);
}

TEST(ConfigEnvironmentTest, KeysOfTheFileAreFoundInAnyCaseAndWithDashes) {
  const auto cameras = [](const std::string& name) {
    return upon({"VEDETTE__CAMERAS__" + name + "__ENABLED=false"}).at("cameras");
  };
  EXPECT_EQ(cameras("GATE")["gate"]["enabled"], false);
  EXPECT_EQ(cameras("Gate")["gate"]["enabled"], false);
  EXPECT_EQ(cameras("FRONT_DOOR")["Front-Door"]["enabled"], false);
  EXPECT_EQ(cameras("front-door")["Front-Door"]["enabled"], false);
  EXPECT_EQ(cameras("YARD")["yard"]["enabled"], false) << "one that is not there";
  const Json both = upon({"VEDETTE__CAMERAS__A_B__ENABLED=false"}, R"({"cameras": {"a-b": {}, "a_b": {}}})");
  EXPECT_EQ(both, Json::parse(R"({"cameras": {"a-b": {}, "a_b": {"enabled": false}}})"));
}

TEST(ConfigEnvironmentTest, AValueIsJsonUnlessAStringIsWanted) {
  const Json read =
      upon({"VEDETTE__MQTT__PASSWORD=12345", "VEDETTE__MQTT__USERNAME=true", "VEDETTE__DEVICE_ID=42",
            "VEDETTE__MQTT__TOPIC_ROOT=[1]", "VEDETTE__MQTT__GROUPS=[\"a\", \"b\"]", "VEDETTE__MQTT__KEEPALIVE_S=60",
            "VEDETTE__UPLOAD__TAGS__SITE=7", "VEDETTE__CAMERAS__YARD={\"url\": \"test://pattern\", \"ring_s\": 5}"});
  EXPECT_EQ(read["mqtt"],
            Json::parse(R"({"url": "mqtt://a", "password": "12345", "username": "true", "topic_root": "[1]",
              "groups": ["a", "b"], "keepalive_s": 60})"));
  EXPECT_EQ(read["device_id"], "42");
  EXPECT_EQ(read["upload"]["tags"]["site"], "7");
  EXPECT_EQ(read["cameras"]["yard"]["ring_s"], 5);
  for (const char* text : {"\"quoted\"", "null", "0123", "", " ", "{\"a\":", "a=b", "1,2"})
    EXPECT_EQ(upon({std::string("VEDETTE__MQTT__USERNAME=") + text})["mqtt"]["username"], text);
}

TEST(ConfigEnvironmentTest, AnObjectComesBeforeWhatIsInIt) {
  const Json read =
      upon({"VEDETTE__CAMERAS__YARD__RING_S=9", "VEDETTE__CAMERAS={\"yard\": {\"url\": \"test://pattern\"}}"});
  EXPECT_EQ(read["cameras"], Json::parse(R"({"yard": {"url": "test://pattern", "ring_s": 9}})"));
}

TEST(ConfigEnvironmentTest, ASecretAndItsFileReplaceEachOther) {
  Json mqtt = upon({"VEDETTE__MQTT__PASSWORD_FILE=/run/secret"})["mqtt"];
  EXPECT_EQ(mqtt, Json::parse(R"({"url": "mqtt://a", "password_file": "/run/secret"})"));
  mqtt = upon({"VEDETTE__MQTT__PASSWORD=x"}, R"({"mqtt": {"password_file": "/none", "ca_file": "/ca"}})")["mqtt"];
  EXPECT_EQ(mqtt, Json::parse(R"({"ca_file": "/ca", "password": "x"})"));
  mqtt = upon({"VEDETTE__MQTT__PASSWORD=x", "VEDETTE__MQTT__PASSWORD_FILE=/f"})["mqtt"];
  EXPECT_EQ(mqtt.size(), 3u) << "both are of the environment: as both in a file";
}

TEST(ConfigEnvironmentTest, ErrorsNameThePlaceAndTheVariable) {
  EXPECT_THAT(errors_with({"VEDETTE__CAMERAS__GATE__RING_S=0"}),
              ElementsAre("/cameras/gate/ring_s: 0 is less than 1 (VEDETTE__CAMERAS__GATE__RING_S)"));
  EXPECT_THAT(errors_with({"VEDETTE__LOG_LEVEL=debug"}), ElementsAre("/log_level: is not known (VEDETTE__LOG_LEVEL)"));
  EXPECT_THAT(errors_with({"VEDETTE__MQTT__ULR=x"}), ElementsAre("/mqtt/ulr: is not known (VEDETTE__MQTT__ULR)"));
  EXPECT_THAT(errors_with({"VEDETTE__CAMERAS__YARD__RING_S=5"}),
              ElementsAre("/cameras/yard/url: is required (VEDETTE__CAMERAS__YARD__RING_S)"))
      << "of a camera that only the environment knows";
  EXPECT_THAT(errors_with({"VEDETTE__LOG__LEVEL=loud"}, R"({"device_id": "x", "mqtt": {"ulr": 1}})"),
              ElementsAre("/mqtt/ulr: is not known",
                          "/log/level: must be one of: trace, debug, info, warn, error "
                          "(VEDETTE__LOG__LEVEL)"));
  EXPECT_THAT(errors_with({"VEDETTE__CAMERAS={\"yard\": {},}"}),
              ElementsAre("/cameras: must be an object (VEDETTE__CAMERAS, which is no JSON: syntax error at byte 15)"));
}

TEST(ConfigEnvironmentTest, NamesThatLeadNowhereAreRefused) {
  for (const char* name : {"VEDETTE__", "VEDETTE__MQTT__", "VEDETTE____URL"})
    EXPECT_THAT(
        errors_with({std::string(name) + "=x"}),
        ElementsAre("/: the name of a variable has a key between each two underscores (" + std::string(name) + ")"));
  EXPECT_THAT(errors_with({"VEDETTE__DEVICE_ID__X=1"}),
              ElementsAre("/device_id: is no object, of which a member could be set (VEDETTE__DEVICE_ID__X)"));
  EXPECT_THAT(errors_with({"VEDETTE__MQTT__URL=mqtt://a", "VEDETTE__mqtt__url=mqtt://b"}),
              ElementsAre("/mqtt/url: is set by VEDETTE__MQTT__URL too (VEDETTE__mqtt__url)"));
  EXPECT_THAT(errors_with({"VEDETTE__MQTT__USERNAME=\xff"}), ElementsAre("/: must be UTF-8 (VEDETTE__MQTT__USERNAME)"));
}

TEST(ConfigEnvironmentTest, FileAndVariablesTogetherAreBoundedAsAFileIs) {
  const std::string half(140 * 1024, 'x');
  EXPECT_THAT(errors_with({"VEDETTE__MQTT__USERNAME=" + half, "VEDETTE__MQTT__PASSWORD=" + half}),
              ElementsAre(HasSubstr("VEDETTE__MQTT__PASSWORD VEDETTE__MQTT__USERNAME")));
  std::string deep = "VEDETTE__MQTT";
  for (int i = 0; i < 20; ++i) deep += "__A";
  EXPECT_THAT(errors_with({deep + "=1"}), ElementsAre(HasSubstr("nested deeper")));
}

TEST(ConfigEnvironmentTest, ASecretIsWarnedAboutAndNeverShown) {
  const auto overridden = ConfigEnvironment({"VEDETTE__MQTT__PASSWORD=987654321"}).upon(Json::parse(kFile));
  ASSERT_TRUE(overridden);
  const auto composed = compose(*overridden, std::nullopt, nullptr);
  ASSERT_TRUE(composed);
  EXPECT_EQ(composed->state.config.mqtt.password, "987654321");
  EXPECT_THAT(composed->warnings, ElementsAre("/mqtt/password: a secret in the configuration itself; better use "
                                              "password_file (VEDETTE__MQTT__PASSWORD)"));
  EXPECT_EQ(config_dump(composed->state.config)["mqtt"]["password"], "***");
  EXPECT_EQ(redacted(*composed->state.document)["mqtt"]["password"], "***");
  for (const std::string& error : errors_with({"VEDETTE__MQTT__PASWORD=canary", "VEDETTE__LOG__LEVEL=canary"}))
    EXPECT_THAT(error, testing::Not(HasSubstr("canary")));
}

TEST(ConfigEnvironmentTest, WhatComesOverMqttLiesUponIt) {
  const auto overridden =
      ConfigEnvironment({"VEDETTE__LOG__LEVEL=debug", "VEDETTE__RECORDING__SEGMENT_S=60"}).upon(Json::parse(kFile));
  ASSERT_TRUE(overridden);
  const DesiredConfig desired{7, std::make_shared<const Json>(Json::parse(R"({"log": {"level": "warn"}})"))};
  const auto composed = compose(*overridden, desired, nullptr);
  ASSERT_TRUE(composed);
  EXPECT_EQ(composed->version, 7);
  EXPECT_EQ(composed->state.config.log_level, log::Level::warn);
  EXPECT_EQ(composed->state.config.recording.segment, seconds(60));
}

}  // namespace
}  // namespace vedette::test
